"""Texts of strategies: whether one means something, which version it is, and how two differ."""

from collections.abc import Iterable

from placet.contracts.customer import Declared
from placet.contracts.strategies.findings import CheckedStrategy, ComparedStrategies, Finding, ToldLine
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.text import counted
from placet.decisioning.cohorts.run_columns import columns_of_run
from placet.decisioning.strategies.catalogues import read_catalogue
from placet.decisioning.strategies.differing import changes, consequences
from placet.decisioning.strategies.hints import Here
from placet.decisioning.strategies.reading import read_strategy
from placet.decisioning.strategies.telling import Told, told, told_catalogue
from placet.errors import UsageError
from placet.governance.signing.canonical import digest


def check_text(text: str, here: Here | None = None) -> CheckedStrategy:
    """Return what a check of a text finds; nothing is raised for what is wrong with it.

    Args:
        text: It.
        here: When it is checked, and what this installation has; None: what does not fit that is not told.
    """
    read = read_strategy(text, here)
    if read.strategy is None:
        return CheckedStrategy(name=None, digest=None, told=(), findings=read.findings)
    return CheckedStrategy(
        name=read.strategy.name,
        digest=digest(read.strategy),
        told=_lines(told(read.strategy)),
        findings=read.findings,
    )


def check_catalogue(text: str, declared: Declared) -> CheckedStrategy:
    """Return what a check of an application's catalogue finds; nothing is raised for what is wrong with it.

    Args:
        text: It.
        declared: What the application tells customers apart by.

    Raises:
        ConfigurationError: the application declares a fact that every run has.
    """
    read = read_catalogue(text, columns_of_run(declared))
    if read.catalogue is None:
        return CheckedStrategy(name=None, digest=None, told=(), findings=read.findings)
    return CheckedStrategy(
        name=read.catalogue.name,
        digest=digest(read.catalogue),
        told=_lines(told_catalogue(read.catalogue)),
        findings=read.findings,
    )


def _lines(found: Iterable[Told]) -> tuple[ToldLine, ...]:
    return tuple(ToldLine(group=one.group, heading=one.heading, words=one.words) for one in found)


def strategy_of(text: str, source: str) -> Strategy:
    """Return the strategy of a text; `source` names it in the error.

    Raises:
        UsageError: code `strategy_unsound`; it has an error: the first, and how many more.
    """
    read = read_strategy(text)
    if read.strategy is None:
        errors = [one for one in read.findings if one.severity == "error"]
        more = f" ({counted(len(errors) - 1, 'more error')}; `placet strategy check` lists them)" if errors[1:] else ""
        raise UsageError(f"{in_one_line(source, errors[0])}{more}", code="strategy_unsound")
    return read.strategy


def compare(before: Strategy, after: Strategy) -> ComparedStrategies:
    """Return how two versions differ."""
    return ComparedStrategies(
        before=digest(before),
        after=digest(after),
        changes=changes(before, after),
        consequences=tuple(consequences(before, after)),
    )


def in_one_line(source: str, finding: Finding) -> str:
    """Write a finding as compilers do, so that editors find its place: `file:12:5: error: …`."""
    place = f"{source}:{finding.line}:{finding.column}: {finding.severity}: "
    return f"{place}{finding.where}: {finding.said}" if finding.where else f"{place}{finding.said}"
