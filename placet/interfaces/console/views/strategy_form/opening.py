"""A text of a strategy as the fields of the form: all that it says, or nothing."""

from typing import Any

from placet.contracts.money import Money
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.written import share_in_words
from placet.decisioning.strategies.reading import legible_strategy
from placet.errors import UsageError
from placet.interfaces.console.views.strategy_form.shape import SHAPE, Items, Leaf, Part, Picks, Record
from placet.interfaces.console.views.strategy_form.tree import Tree, empty
from placet.interfaces.console.views.strategy_form.writing import steps_as_text, text_of


def opened(text: str) -> Tree:
    """Return the fields of a text. Conditions may be wrong, and money out of bounds: the form can mend that.

    Raises:
        UsageError: code `strategy_unsound`; its values cannot be read, or the form could not hand all of them back.
    """
    strategy = legible_strategy(text)
    if strategy is None:
        raise UsageError(
            "The form cannot show this text until its errors are mended: it would have to guess",
            code="strategy_unsound",
        )
    tree = fields_of(strategy)
    if legible_strategy(text_of(tree)) != strategy:
        raise UsageError(
            "The form cannot show all of this text, such as a channel that is listed twice: mend its errors first",
            code="strategy_unsound",
        )
    return tree


def fields_of(strategy: Strategy) -> Tree:
    """Return the fields of a strategy; what an arm may get is left out where there is no such treatment."""
    codes = [one.code for one in strategy.treatments]
    tree: Tree = _shown(SHAPE, strategy, strategy.market.currency)
    for arm, typed in zip(strategy.arms, tree["arms"], strict=True):
        typed["treatments"] = [str(codes.index(code)) for code in dict.fromkeys(arm.treatments) if code in codes]
    return tree


def _shown(part: Part, value: Any, currency: str) -> Any:
    if value is None:
        return empty(part)
    if isinstance(part, Record):
        return {name: _shown(one, getattr(value, name, None), currency) for name, one in part.parts.items()}
    if isinstance(part, Items):
        return [_shown(part.of, one, currency) for one in value]
    if isinstance(part, Picks):
        return list(dict.fromkeys(value))  # a box is ticked once
    return _typed(part, value, currency)


def _typed(leaf: Leaf, value: Any, currency: str) -> str:
    if leaf.kind == "share":
        return _without(share_in_words(value), "%")
    if leaf.kind == "stages":
        return ", ".join(_without(share_in_words(one), "%") for one in value)
    if isinstance(value, Money):
        return _without(str(value), currency)
    if leaf.kind == "steps":
        return steps_as_text(value)
    return str(value)


def _without(text: str, unit: str) -> str:
    return text.removesuffix(f" {unit}")
