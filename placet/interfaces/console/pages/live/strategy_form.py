"""A strategy in a form: change it, see what changes and what it would do, and take its text along.

Nothing is kept here: what was typed travels in the fields, and the text that somebody began with in a hidden one.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from placet.contracts.money import CURRENCIES
from placet.contracts.strategies.preview import StrategyPreview
from placet.contracts.text import counted, one_line
from placet.decisioning.strategies.packages import markets
from placet.errors import GovernanceError, StorageError, UsageError
from placet.interfaces.console.forms import Form
from placet.interfaces.console.guards.body_limit import LARGER
from placet.interfaces.console.jobs import Busy
from placet.interfaces.console.pages.live import planning, strategies
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.views.cohorts import grouped
from placet.interfaces.console.views.strategy_form.conditions import (
    COMPARED,
    targets,
    with_column,
    with_segment,
)
from placet.interfaces.console.views.strategy_form.effect import effect_of
from placet.interfaces.console.views.strategy_form.opening import opened
from placet.interfaces.console.views.strategy_form.shown import form_of
from placet.interfaces.console.views.strategy_form.together import all_findings
from placet.interfaces.console.views.strategy_form.tree import (
    Tree,
    add,
    fields_in,
    fields_kept,
    move,
    remove,
    switch,
    tree_of,
)
from placet.interfaces.console.views.strategy_form.writing import text_of
from placet.service.cohorts import check_size, cohort_given, list_columns, list_segments
from placet.service.cohorts import preview as preview_cohort
from placet.service.strategies.checking import check_text, compare
from placet.service.strategies.given import LONGEST, strategy_given
from placet.service.strategies.previewing import preview

LONGEST_BYTES: Final = LARGER["/console/strategies/form"]
MOST_FIELDS: Final = 4_000
"""A strategy of 32,000 characters has far fewer."""
_LIST: Final = re.compile(r"(add|remove|up|down|kind) ([a-z_.0-9]{1,80})(?: ([0-9]))?", re.ASCII)
"""What the buttons of lists ask for: what, where, and of several buttons which."""
_CHECKED: Final = frozenset({"check", "preview", "effect"})
_BESIDE: Final = frozenset({"column", "count", "segment"})
"""What is asked within a section: what is wrong with it is told there."""
AGAIN: Final = "again"
"""What a browser asks that kept what was typed while its session had ended."""


@dataclass(slots=True)
class _Work:
    """What somebody has in hand.

    Attributes:
        began: The text that they began with.
        touched: What was added or moved last; it is shown, not folded away.
        focus: Whether to write there at once.
        before: The fields as they were before a button changed something; empty: there is nothing to undo.
    """

    tree: Tree
    began: str
    touched: str = ""
    focus: bool = False
    before: str = ""


def show(asked: Asked) -> Response:
    """Show how to begin."""
    return _begin(asked, "", 200)


def ask(asked: Asked, form: Form) -> Response:
    """Open a text or a ready strategy in the form, or do what one of its buttons asks."""
    do = form.text("do")
    if do in ("open", "package"):
        return _open(asked, form, do)
    try:
        work = _work(form, do)
    except UsageError as error:
        return _begin(asked, str(error), 422)
    return _do(asked, form, work, do)


def _begin(asked: Asked, fault: str, status: int) -> Response:
    return asked.page("customers/strategy_begin.html", status, fault=fault, **strategies.to_begin_with())


def _open(asked: Asked, form: Form, do: str) -> Response:
    """Open what somebody begins with; what cannot be opened is shown where texts are, with its faults."""
    typed = strategies.Typed.of(form)
    try:
        text = strategies.ready(asked, typed) if do == "package" else typed.text
        strategies.check_length(text)
        work = _Work(opened(text), text)
    except UsageError as error:
        return strategies.refused(asked, typed, str(error))
    return _page(asked, work, 200, {})


def _work(form: Form, do: str) -> _Work:
    began = form.fields.get("began", "").replace("\r\n", "\n")
    if len(began) > LONGEST:  # nothing of ours: no form is opened with such a text
        began = ""
    if do == "undo":  # undone again, it is as it was
        return _Work(tree_of(fields_in(form.fields.get("before", ""))), began, before=fields_kept(form.fields))
    if do != "effect":
        return _Work(tree_of(form.fields), began, before=form.fields.get("before", ""))
    text = form.fields.get("text", "").replace("\r\n", "\n")
    strategies.check_length(text)
    return _Work(opened(text), began)


def _do(asked: Asked, form: Form, work: _Work, do: str) -> Response:
    found: dict[str, Any] = {}
    status, place = 200, "fault_here" if do in _BESIDE else "fault"
    try:
        if do in _CHECKED:
            status = _check(asked, work, do, found)
        elif do == "count":
            _count(asked, work, found)
        elif do == AGAIN:
            found["again"] = True
        elif do != "undo":
            _change(form, work, do)
            work.before = fields_kept(form.fields)
    except UsageError as error:
        found[place], status = str(error), 422
    except Busy as error:
        found[place], status = error.detail, error.status_code
    except (GovernanceError, StorageError) as error:
        found[place], status = f"The customers cannot be asked: {one_line(str(error))}", 503
    return _page(asked, work, 200 if strategies.BY_ITSELF in asked.request.headers else status, found)


def _change(form: Form, work: _Work, do: str) -> None:
    """Do what a button of a list asks, or put something to a condition."""
    target = form.text("target")
    if do == "segment":
        with_segment(work.tree, target, form.text("segment"))
        work.touched = target
        return
    if do == "column":
        with_column(work.tree, target, form.text("column"), form.text("compared"), form.text("wanted"))
        work.touched = target
        return
    asked = _LIST.fullmatch(do)
    if asked is None:
        raise UsageError("No button of this page asks for that; open it again", code="malformed")
    what, path, which = asked.groups()
    if what == "add":
        work.touched, work.focus = add(work.tree, path, int(which or 0)), True
    elif what == "kind":
        work.touched = switch(work.tree, path)
    elif what == "remove":
        remove(work.tree, path)
        work.touched = path.rpartition(".")[0]
    else:
        work.touched = move(work.tree, path, -1 if what == "up" else 1)


def _check(asked: Asked, work: _Work, do: str, found: dict[str, Any]) -> int:
    """Say what the form says, what is wrong with it, and what changes; or what it would do to the base."""
    text = text_of(work.tree)
    if len(text) > LONGEST:
        raise UsageError(f"The strategy has {len(text):,} characters, and at most {LONGEST:,} are read: make two of it")
    checked = check_text(text)
    found |= {"checked": checked, "text": text, "findings": checked.findings}
    if not checked.sound:
        findings = all_findings(work.tree, text, checked.findings)
        found["findings"] = findings
        many = sum(one.severity == "error" for one in findings)
        found["lead"] = f"{counted(many, 'error')}: each is told beside its field, too"
        return 422 if do != "check" else 200
    before = check_text(work.began)
    if before.sound:
        found["compared"] = compare(_strategy(work.began), _strategy(text))
    if do != "check":
        found["previewed"] = True
        found["effect"] = _effect(asked, work.began if before.sound else "", text)
    return 200


def _strategy(text: str) -> Any:
    return strategy_given(text, "the button Check")


def _effect(asked: Asked, began: str, text: str) -> Any:
    """Return both previews side by side; None while customers are looked at."""
    found = [_preview(asked, one) for one in (began, text) if one]
    if any(one is None for one in found):
        return None
    now = found[-1]
    return None if now is None else effect_of(found[0] if began else None, now)


def _preview(asked: Asked, text: str) -> StrategyPreview | None:
    served, strategy = asked.parts.served, _strategy(text)
    check_size(served.database, served.tenant, planning.MOST_CUSTOMERS, "placet strategy preview")
    return asked.parts.jobs.ask(
        f"strategy {check_text(text).digest}",
        lambda: preview(served.database, served.tenant, strategy, asked.now),
        seconds=planning.SECONDS,
    )


def _count(asked: Asked, work: _Work, found: dict[str, Any]) -> None:
    """Count whom the condition has now."""
    served = asked.parts.served
    cohort = cohort_given(work.tree["cohort"], None)
    check_size(served.database, served.tenant, planning.MOST_CUSTOMERS)
    counts = asked.parts.jobs.ask(
        f"cohort {cohort.digest}",
        lambda: preview_cohort(served.database, served.tenant, cohort, asked.now),
        seconds=planning.SECONDS,
    )
    found |= {"counts": counts, "counting": counts is None}


def _page(asked: Asked, work: _Work, status: int, found: dict[str, Any]) -> Response:
    text = found.get("text", "")
    values = {
        **dict.fromkeys(("checked", "compared", "effect", "counts")),
        **dict.fromkeys(("counting", "previewed", "again"), False),
        **dict.fromkeys(("fault", "fault_here", "lead", "text"), ""),
        **found,
    }
    return asked.page(
        "customers/strategy_form.html",
        status,
        form=form_of(work.tree, found.get("findings", ()), text, work.touched),
        began=work.began,
        before=work.before,
        focus=work.touched if work.focus else "",
        target=work.touched,
        targets=targets(work.tree),
        segments=grouped(tuple(one for one in list_segments() if not one.needs)),
        columns=list_columns(),
        compared_as=COMPARED,
        like=_like(asked),
        **values,
    )


def _like(asked: Asked) -> dict[str, tuple[str, ...]]:
    """Return what fields suggest."""
    return {
        "agents": tuple(asked.parts.served.agents),
        "countries": tuple(one.code for one in markets()),
        "currencies": CURRENCIES,
        "zones": tuple(sorted({one.time_zone for one in markets()})),
    }
