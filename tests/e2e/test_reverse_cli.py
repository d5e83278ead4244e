"""`placet reverse`: taking back what a run did, at the command line."""

import json
from pathlib import Path

import pytest

from tests.support.programs.command import Command
from tests.support.programs.placet_process import one_line, placet
from tests.support.world import Approver, World


@pytest.fixture
def executed(a_world: World, anna: Approver) -> str:
    """A run that executed."""
    run_id = a_world.pending("C00005")
    a_world.approve(run_id, anna)
    return run_id


def test_what_cannot_be_reversed_is_one_line(tmp_path: Path, a_world: World, command: Command) -> None:
    assert "Missing argument 'RUN'" in one_line(placet(tmp_path, "reverse"), 2)
    nobody = "run-" + "0" * 20
    assert one_line(placet(tmp_path, "reverse", nobody)) == f"placet: no run {nobody!r}; see `placet run list`"
    waiting = a_world.pending("C00005")
    assert command("reverse", waiting).refusal() == (
        f"placet: run {waiting!r} is awaiting decision; only what a run executed can be taken back"
    )


def test_a_malformed_name_or_reason_starts_nothing(a_world: World, executed: str, command: Command) -> None:
    line = command("reverse", executed, "--by", "No Such Person").refusal()
    assert line.startswith("placet: malformed: by 'No Such Person'")
    line = command("reverse", executed, "--reason", "x" * 501).refusal()
    assert line.startswith("placet: malformed: reason ")
    assert a_world.events(executed, "run.reversal_requested") == []


def test_a_run_is_reversed_shown_on_both_sides_verified_and_replayed(
    a_world: World, anna: Approver, executed: str, command: Command
) -> None:
    asked = command("reverse", executed, "--by", "omar", "--reason", "granted [bold]twice[/]", "--wait", "40", "--json")
    assert (asked.code, asked.err) == (0, "")
    record = json.loads(asked.out)
    reversal = record["run_id"]
    assert (record["state"], record["reverses"], record["requested_by"]) == ("awaiting_decision", executed, "omar")
    amount = a_world.proposal(executed).cost

    waiting = command("inbox").out
    assert f"debit {amount} once from balance " in waiting
    assert f"(B-C00005) of customer C00005; takes {amount} from the customer" in waiting
    again = command("reverse", executed).refusal()
    assert again == f"placet: run {executed!r} is being reversed by {reversal!r}, which is awaiting decision"
    a_world.approve(reversal, anna)
    assert command("reverse", executed).refusal() == f"placet: run {executed!r} was already reversed by {reversal!r}"

    shown = command("run", "show", executed).out
    assert f"reversal  {reversal} asked for by omar; omar wrote: “granted [bold]twice[/]”\n" in shown
    assert f"reversed  by {reversal} at " in shown
    assert "state     executed, then reversed\n" in shown
    assert "state     executed\n" in command("run", "show", reversal).out
    assert json.loads(command("run", "show", executed, "--json").out)["reversed_by"] == reversal
    assert f"reverses  {executed}\n" in command("run", "show", reversal).out
    assert json.loads(command("run", "show", reversal, "--json").out)["reverses"] == executed
    for run_id in (executed, reversal):
        assert command("audit", "verify", run_id).code == 0
        replayed = command("replay", run_id)
        assert replayed.code == 0, replayed.err


def test_a_list_says_what_was_proposed_and_what_was_taken_back_at_every_width(
    a_world: World, anna: Approver, executed: str, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    reversal = command("reverse", executed, "--wait", "40").out.split()[0]
    stands = a_world.pending("C00009")
    taken, waits = (a_world.proposal(one) for one in (executed, stands))
    a_world.approve(reversal, anna)
    listed = {one["run_id"]: one for one in json.loads(command("run", "list", "--json").out)}
    assert [listed[one]["reversed_by"] for one in (executed, reversal, stands)] == [reversal, None, None]
    assert [listed[one]["state"] for one in (executed, reversal)] == ["executed", "executed"]
    for run_id, proposal in ((executed, taken), (stands, waits)):
        assert listed[run_id]["treatment"] == proposal.treatment
        assert listed[run_id]["cost"] == proposal.cost.model_dump(mode="json")
    name = taken.treatment.replace("_", " ")

    def lines(columns: int, *words: str) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        printed = command(*words).out.splitlines()
        assert max(len(line) for line in printed) <= columns, printed
        return printed

    shown = lines(60, "run", "list")
    at = shown.index(f"{executed}  executed, then reversed")
    assert shown[at + 1] == f"  {name}, {taken.cost}"
    assert shown[at + 2].startswith("  C00005  20")
    shown = lines(80, "run", "list")
    at = next(number for number, line in enumerate(shown) if line.startswith(executed))
    assert shown[at].split("  ")[1:3] == ["executed", ""], shown[at]
    assert name in shown[at]
    assert [word in shown[at + 1] for word in ("C00005", "then reversed", str(taken.cost), "by olga")] == [True] * 4
    assert len(shown) == 1 + 2 * len(listed)
    (line,) = [line for line in lines(120, "run", "list") if line.startswith(executed)]
    assert all(word in line for word in ("C00005", "executed, then reversed", name, str(taken.cost), "olga"))
    assert "then reversed" in command("customer", "show", "C00005").out


def test_without_waiting_the_reversal_is_named(a_world: World, executed: str, command: Command) -> None:
    done = command("reverse", executed)
    (line,) = done.out.splitlines()
    reversal = line.split()[0]
    assert (done.code, line) == (0, f"{reversal}  started, to reverse {executed}")
    assert a_world.record(reversal).requested_by == a_world.settings.operator


def test_an_empty_name_a_wait_in_vain_and_an_unknown_role_are_said(command: Command) -> None:
    for asked in (("run", "start", "--customer", "C00005"), ("halt", "--reason", "stop"), ("retention", "run")):
        assert "--by '' names nobody" in command(*asked, "--by", "").refusal()
    started = command("run", "start", "--customer", "C00005", "--wait", "0.000001")
    run_id = started.out.split()[0]
    assert started.code == 3
    assert started.err.startswith(f"{run_id} is still ")
    assert "--by '' names nobody" in command("run", "cancel", run_id, "--by", "").refusal()
    assert command("run", "cancel", run_id, "--by", "olga", "--reason", "asked for twice").code == 0
    assert "olga wrote: “asked for twice”" in command("run", "show", run_id).out
    nobody = command("inbox", "--role", "nosuch")
    assert (nobody.code, nobody.out) == (0, "nothing that waits is within these filters\n")
    assert nobody.err.startswith("no key holds role 'nosuch' and no policy names it; roles: ")
    misspelt = command("inbox", "--treatment", "goodwil_credit")
    assert (misspelt.code, misspelt.out) == (0, "nothing that waits is within these filters\n")
    assert misspelt.err.startswith("no application has a treatment 'goodwil_credit'; known: ")
    assert "goodwill_credit" in misspelt.err
