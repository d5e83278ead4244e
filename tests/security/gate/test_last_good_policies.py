"""A typo in live policies neither ends runs for good nor opens anything: the last good set stays, told and recorded."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from placet.contracts.audit import policy_stream
from placet.doctor.policies import policies as policy_findings
from placet.entrypoints.beside_worker.policy_watch import PolicyWatch
from placet.entrypoints.settings import Settings
from placet.entrypoints.tenant_files.policies import PolicyFiles
from placet.errors import PolicyError
from placet.governance.policy.set import PolicySet
from placet.storage.database import Database
from tests.support.policies import own_policies
from tests.support.world import World

HOUR = 3600.0


class Clock:
    """Monotonic time of a test's choice."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Live:
    """One worker's policies, the files they come from, and the watch beside them."""

    def __init__(self, home: Path, database: Database) -> None:
        self.folder = own_policies(home)
        self.file = self.folder / "demo" / "policy.cedar"
        self.sound = self.file.read_text()
        self.clock = Clock()
        self.database = database
        self.start()

    def start(self) -> None:
        """Begin anew, as a process does."""
        self.files = PolicyFiles(self.folder, keep_seconds=24 * HOUR, clock=self.clock)
        self.watch = PolicyWatch(self.database, self.files, ["demo"], ["retention"], now)

    def read(self) -> PolicySet:
        return self.files("demo", "retention")

    def refused(self) -> str:
        with pytest.raises(PolicyError) as caught:
            self.read()
        return str(caught.value)

    def recorded(self) -> list[tuple[str, str]]:
        with self.database.reading() as tx:
            return [
                (entry.kind, entry.body["policy_set"]) for entry in tx.audit.read(policy_stream("demo", "retention"))
            ]


def now() -> datetime:

    return datetime.now(UTC)


@pytest.fixture
def live(tmp_path: Path, database: Database) -> Live:
    return Live(tmp_path, database)


def test_the_last_good_set_is_kept_while_the_files_in_place_are_faulty(
    live: Live, caplog: pytest.LogCaptureFixture
) -> None:
    live.watch.round()
    good = live.read()
    assert good.kept_because == ""
    live.file.write_text(live.sound + "permit (principal,")
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            live.watch.round()
    kept = live.read()
    assert kept.digest == good.digest
    assert kept.kept_because.startswith(f"policy set {good.digest[:12]} is kept, the files in place are faulty: ")
    assert len(caplog.records) == 1  # told once, not at every look
    live.file.write_text(live.sound)
    live.watch.round()
    assert live.read().kept_because == ""
    assert live.recorded() == [
        ("policy.in_force", good.digest), ("policy.kept", good.digest), ("policy.in_force", good.digest)
    ]  # fmt: skip
    with live.database.reading() as tx:  # the text that was kept is where an auditor finds it
        assert tx.artifacts.get(good.digest, tenant="demo") == good.document


def test_a_worker_that_starts_with_faulty_files_denies(live: Live) -> None:
    live.watch.round()
    live.file.write_text("permit (principal,")
    live.read()
    live.start()
    live.watch.round()
    assert "does not parse" in live.refused()


def test_a_set_that_never_came_on_record_is_not_kept(live: Live) -> None:
    live.watch.round()
    live.file.write_text(live.sound + "// newer\n")
    live.read()  # a question was quicker than the watch
    live.file.write_text("permit (principal,")
    live.watch.round()
    assert "does not parse" in live.refused()


def test_policies_that_were_taken_away_permit_nothing_and_do_not_come_back(live: Live) -> None:
    live.watch.round()
    live.file.rename(live.folder / "kept-elsewhere")
    assert "no policy file" in live.refused()
    live.file.write_text("permit (principal,")
    assert "does not parse" in live.refused()


def test_a_set_is_not_kept_for_ever(live: Live) -> None:
    live.watch.round()
    live.file.write_text("permit (principal,")
    live.read()
    live.clock.seconds = 24 * HOUR - 1
    live.read()
    live.clock.seconds = 24 * HOUR
    assert "was kept for 24 h and lapsed" in live.refused()


def test_doctor_says_which_set_workers_keep(live: Live, tmp_path: Path, database_url: str) -> None:
    live.watch.round()
    good = live.read().digest[:12]
    live.file.write_text("permit (principal,")
    settings = Settings(home=tmp_path, policy_dir=live.folder, database_url=database_url)
    (problem,) = policy_findings(settings)
    assert "does not parse" in problem.detail
    assert f"keep policy set {good}" in problem.advice


def test_without_a_policy_set_nothing_passes_the_gate(make_world: Callable[..., World], tmp_path: Path) -> None:
    world = make_world(policy_dir=tmp_path / "nowhere")
    record = world.wait(world.start("C00005"), "denied")
    assert record.code == "policy_denied"
    assert "no policy set for tenant 'demo'" in record.detail


def test_a_typo_in_live_policies_ends_no_run(make_world: Callable[..., World]) -> None:
    world = make_world()
    assert world._parts is not None
    PolicyWatch(world.database, world._parts.policies, ["demo"], ["retention"], world.now).round()
    anna, waiting = world.approver(), world.pending("C00005")
    sound = world.policy_file.read_text()
    world.edit_policy(lambda text: text + "permit (principal,")
    assert world.approve(waiting, anna).state == "executed"
    during = world.pending("C00009")
    gate = world.events(during, "approve.opened")[0].body["gate"]
    assert gate["reason"].startswith(f"permitted (policy set {gate['policy_set'][:12]} is kept, ")
    world.policy_file.unlink()
    denied = world.start("C00006")
    assert world.wait(denied, "denied").detail.startswith("no policy set for tenant 'demo'")
    world.policy_file.write_text(sound)
    assert world.approve(during, anna).state == "executed"
