"""`placet oversight seed|report` and the looks that the command line notes, from the outside."""

import json
import os
import re
from pathlib import Path

import pytest

from placet.contracts.audit import AuditEvent
from placet.engine.client import Engine
from placet.entrypoints.main import Tools
from placet.interfaces.cli.app import run
from placet.interfaces.cli.governance.oversight import _share, _span
from placet.service.documents.access import issue_token
from tests.support.programs.placet_process import one_line, placet
from tests.support.world import PASSPHRASE, World

CUSTOMER = "C00005"


@pytest.fixture
def keys(a_world: World) -> tuple[str, ...]:
    """Anna, enrolled, and how she signs."""
    a_world.approver("anna")
    (key,) = (a_world.settings.home / "keys").glob("anna-*.pem")
    return "--as", "anna", "--key-file", str(key)


def call(world: World, *arguments: str, code: int = 0, **environment: str) -> str:
    address = {"PLACET_TEMPORAL_ADDRESS": world.settings.temporal_address}
    done = placet(world.settings.home, *arguments, **address, **environment)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def looks(world: World, run_id: str) -> list[AuditEvent]:
    return world.events(run_id, "approve.seen")


def test_a_look_is_noted_when_the_proposal_is_shown_and_before_anything_is_signed(
    a_world: World, keys: tuple[str, ...]
) -> None:
    run_id = a_world.pending(CUSTOMER)
    call(a_world, "run", "show", run_id)
    assert looks(a_world, run_id) == []
    # Shown, and then the passphrase was wrong: a look without a decision.
    call(a_world, "reject", run_id, *keys, code=1, PLACET_KEY_PASSPHRASE="wrong")
    # Shown beside what is printed for another program.
    call(a_world, "approve", run_id, *keys, "--print")
    (look,) = looks(a_world, run_id)
    assert (look.actor, look.body) == ("anna", {"proposal": a_world.record(run_id).proposal, "channel": "cli"})
    line = one_line(placet(a_world.settings.home, "run", "show", run_id, "--as", "zed"))
    assert line == "placet: nobody is enrolled as 'zed'; see `placet keys list`"
    a_world.approver("ben")
    shown = call(a_world, "run", "show", run_id, "--as", "ben", "--json")
    assert [entry["kind"] for entry in json.loads(shown)["audit"]][-1] == "approve.seen"
    call(a_world, "run", "show", run_id, "--as", "anna")
    assert [entry.actor for entry in looks(a_world, run_id)] == ["anna", "ben"]
    line = one_line(placet(a_world.settings.home, "run", "show", run_id, "--as", "Ben B"))
    assert line.startswith("placet: malformed name 'Ben B'")
    call(a_world, "amend", run_id, *keys, "--amount", "5.00 USD", "--reason", "less will do")
    a_world.wait(run_id, "executed")
    call(a_world, "run", "show", run_id, "--as", "cora")
    assert [entry.actor for entry in looks(a_world, run_id)] == ["anna", "ben"]
    (figures,) = json.loads(call(a_world, "oversight", "report", "--json"))["approvers"]
    assert (figures["amended"], figures["timed"], figures["decided_unseen"]) == (1, 1, 0)


class HereTools(Tools):
    """The program's own toolbox; what it starts goes to the worker of this test."""

    def __init__(self, queue: str) -> None:
        self._queue = queue

    async def engine(self) -> Engine:
        """A connection that starts runs on the queue of the test's worker."""
        engine = await super().engine()
        engine.task_queue = self._queue
        return engine


def here(world: World, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Run the program in this process; its stdout."""
    toolbox = HereTools(world.engine.task_queue)
    code = run(arguments, toolbox)
    printed = capsys.readouterr()
    if "_database" in vars(toolbox):
        toolbox.database().close()
    assert code == 0, printed.err
    return printed.out


@pytest.fixture
def installed(a_world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """An installation that the program in this process works for."""
    for name in [name for name in os.environ if name.startswith("PLACET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PLACET_HOME", str(a_world.settings.home))
    monkeypatch.setenv("PLACET_TEMPORAL_ADDRESS", a_world.settings.temporal_address)
    monkeypatch.setenv("PLACET_KEY_PASSPHRASE", PASSPHRASE)
    return a_world


def test_a_control_is_seeded_approved_and_reported_as_missed(
    installed: World, keys: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ("--customer", CUSTOMER, "--flaw", "too_much", "--by", "vera")
    issue_token(installed.database, tenant="demo", name="vera", roles=("auditor",), days=1, by=installed.root)
    said = here(installed, capsys, "oversight", "seed", *flags)
    found = re.fullmatch(r"(run-[0-9a-f]{20})  started as a control \(too_much\)\n", said)
    assert found is not None
    run_id = found[1]
    installed.wait(run_id, "awaiting_decision")
    assert installed.request_of(run_id).requested_by == installed.settings.operator
    shown = here(installed, capsys, "approve", run_id, *keys)
    assert "too_much" not in shown
    assert "control" not in shown
    assert installed.wait(run_id, "denied").code == "control_proposal"
    assert installed.effects()["adjustments"] == 0
    printed = here(installed, capsys, "oversight", "report")
    assert "asked 0: decided 0, expired undecided 0, ended otherwise 0, waiting 0\n" in printed
    assert "controls 1: caught 0, missed 1, undecided 0, open 0; never planted 0\n" in printed
    assert "  controls shown 1: caught 0, missed 1\n" in printed


def test_the_report_of_an_installation_where_nobody_was_asked(
    installed: World, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = here(installed, capsys, "oversight", "report", "--days", "7")
    assert printed.splitlines()[1:] == [
        "asked 0: decided 0, expired undecided 0, ended otherwise 0, waiting 0",
        "seen 0; notifications delivered 0, not delivered 0; refused attempts 0; median time to decision -",
        "controls 0: caught 0, missed 0, undecided 0, open 0; never planted 0",
        "nobody decided",
    ]


def test_shares_are_counts_while_they_are_small_and_percent_of_counts_from_then_on(
    installed: World, keys: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    run_ids = [installed.pending(customer) for customer in ("C00001", "C00003")]
    here(installed, capsys, "approve", *run_ids, *keys)
    assert here(installed, capsys, "oversight", "report").splitlines()[4:] == [
        "anna  decided 2: approved 2 of 2, declined 0 of 2, amended 0 of 2",
        "  in batches 2, in another's stead 0, unseen 2",
        "  evidence open (0): median -, p10 -",
        "  controls shown 0: caught 0, missed 0",
    ]
    assert _share(13, 20, 6500) == "65.00 % (13 of 20)"
    assert (_share(2, 3, 6666), _share(0, 0, None)) == ("2 of 3", "0 of 0")
    assert [_span(seconds) for seconds in (None, 0, 59, 60, 3599, 3600, 90_000)] == [
        "-", "0 s", "59 s", "1 min 00 s", "59 min 59 s", "1 h 00 min", "25 h 00 min",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("seed", "--customer", "C00005", "--flaw", "rude", "--by", "vera"), 2, "'rude' is not one of"),
        (("seed", "--customer", "C00005", "--flaw", "too_much"), 2, "Missing option '--by'"),
        (("seed", "--customer", "C00005", "--flaw", "too_much", "--by", "v", "--agent", "x"), 1, "unknown agent 'x'"),
        (("report", "--days", "0"), 2, "greater than or equal to 1"),
    ],
)
def test_wrong_usage_is_one_line(tmp_path: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    assert message in one_line(placet(tmp_path, "oversight", *arguments), code)
