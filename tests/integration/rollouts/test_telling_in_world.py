"""With a real worker: a look that passes makes one mail, whoever dies in between."""

import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import text

from placet.contracts.strategies.rolling import RolloutAsked
from placet.entrypoints.main import Tools
from placet.entrypoints.senders import build_notifier
from placet.entrypoints.settings import Settings
from placet.interfaces.cli.app import run as command
from placet.notify.address_book import load_address_book
from tests.support.policies import own_policies
from tests.support.programs.zygote import Zygote, alive, zygote
from tests.support.servers.smtp import Fault, MailBox, running_smtp
from tests.support.strategies.in_world import CUSTOMERS, all_over, phase_of, roll_out
from tests.support.world import World

__all__ = ["zygote"]

BOOK: Final = """
version = 1
console_url = "https://placet.operator.example"

[[email]]
address = "heads@operator.example"
tenants = ["demo"]
roles = ["retention_head"]
"""
_RAILS: Final = (
    "  guard_rails:\n    - {measure: complaints, must_not: rise, by_more_than: 0.5 points, sample: 500, "
    "confidence: 95 %, then: step_back}\n"
)
NO_RAILS: Final = (_RAILS, "")


@pytest.fixture
def box() -> Iterator[MailBox]:
    with running_smtp() as made:
        yield made


def mailing(box: MailBox, tmp_path: Path) -> dict[str, Any]:
    """Settings of an installation whose heads of retention get mail."""
    book = tmp_path / "notify.toml"
    book.write_text(BOOK)
    return {
        "notify_file": book,
        "smtp_host": box.host,
        "smtp_port": box.port,
        "smtp_from": "placet@operator.example",
        "smtp_starttls": "no",
        "rollout_look_seconds": 3600.0,
    }


def deliver(world: World) -> None:
    book = load_address_book(world.settings.notify_file)
    build_notifier(world.settings, world.database, book, lambda: datetime.now(UTC)).run_once()


def let_its_hold_time_be_over(world: World, asked: RolloutAsked) -> None:
    """Let the stage have been reached long ago, and its workflow ask again."""
    with world.database.transaction() as tx:
        tx.rollouts.put("demo", asked.version, reached_at=datetime.now(UTC) - timedelta(days=20))
    world.run(world.engine.tell_rollout(asked))


def looks(world: World, asked: RolloutAsked) -> int:
    with world.database.reading() as tx:
        row = tx.rollouts.get("demo", asked.version)
    return 0 if row is None else row.looks


def recorded(world: World, kind: str) -> list[dict[str, Any]]:
    with world.database.reading() as tx:
        return [event.body for event in tx.audit.read("tenant/demo") if event.kind == kind]


def test_a_look_that_passes_makes_one_mail_in_words_and_its_delivery_is_on_the_record(
    make_world: Callable[..., World],
    box: MailBox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    world = make_world(**mailing(box, tmp_path))
    asked = roll_out(world, "Told of", NO_RAILS)
    world.until(lambda: phase_of(world, asked) == "watching", "that the stage was reached")
    let_its_hold_time_be_over(world, asked)
    world.until(lambda: phase_of(world, asked) == "asking", "that the next stage is asked for")
    deliver(world)
    world.run(world.engine.tell_rollout(asked))
    deliver(world)
    world.run(world.engine.client.get_workflow_handle(asked.workflow_id).terminate())
    (mail,) = box.taken
    assert mail.recipient == "heads@operator.example"
    assert str(mail.message["Subject"]).startswith("Placet demo: next stage asked: keep_at_risk to 100 %")
    body = mail.message.get_content()
    assert "placet rollout promote keep_at_risk --as YOUR-NAME" in body
    assert f"https://placet.operator.example/rollouts/{asked.version}" in body
    assert not any(customer in mail.raw.decode() for customer in CUSTOMERS)
    (delivered,) = recorded(world, "notice.delivered")
    assert (delivered["strategy"], delivered["version"]) == ("keep_at_risk", asked.version)
    assert (delivered["occurrence"], delivered["recipient"]) == ("move.1", "heads@operator.example")
    capsys.readouterr()
    tools = Tools()
    monkeypatch.setitem(tools.__dict__, "settings", world.settings)
    assert command(["notifications", "--strategy", "keep_at_risk"], tools) == 0
    shown = capsys.readouterr().out
    assert command(["audit", "log", "tenant/demo"], tools) == 0
    told = capsys.readouterr().out
    assert "  keep_at_risk  stage_asked      delivered  email heads@operator.example as retention_head\n" in shown
    assert "told heads@operator.example over email (stage asked) of strategy keep_at_risk" in told


@pytest.mark.parametrize("point", ["before rollout_look", "after rollout_look"])
def test_a_worker_killed_around_the_look_leaves_one_mail(
    zygote: Zygote, tmp_path: Path, temporal_address: str, bss_url: str, box: MailBox, point: str
) -> None:
    values = {
        "home": str(tmp_path / "home"),
        "temporal_address": temporal_address,
        "bss_url": bss_url,
        "churn_sources": {"demo": "counts"},
        "policy_dir": str(own_policies(tmp_path / "home")),
        **{name: str(value) if isinstance(value, Path) else value for name, value in mailing(box, tmp_path).items()},
    }
    world = World(Settings(**values))  # type: ignore[arg-type]
    world.engine.task_timeout = timedelta(seconds=3)
    pids = [zygote.ask({"point": point, "settings": values, "queue": world.engine.task_queue})]
    try:
        asked = roll_out(world, f"Told of, killed {point}", NO_RAILS)
        world.until(lambda: phase_of(world, asked) == "watching", "that the stage was reached")
        world.until(lambda: all_over(world, asked), "that all runs are over")
        let_its_hold_time_be_over(world, asked)
        world.until(lambda: not alive(pids[0]), f"death {point}")
        assert looks(world, asked) == (1 if point.startswith("after") else 0)
        pids.append(zygote.ask({"point": "never", "settings": values, "queue": world.engine.task_queue}))
        world.until(lambda: phase_of(world, asked) == "asking", "that the next stage is asked for")
        box.faults.append(Fault(".", None))  # the first attempt is lost as well
        deliver(world)
        assert box.taken == []
        with world.database.transaction() as tx:  # its next attempt is due
            tx.connection.execute(text("UPDATE notification SET next_attempt_at = created_at"))
        deliver(world)
        deliver(world)
        world.run(world.engine.client.get_workflow_handle(asked.workflow_id).terminate())
        assert [str(one.message["Subject"]).partition(" (")[0] for one in box.taken] == [
            "Placet demo: next stage asked: keep_at_risk to 100 %"
        ]
        assert len(recorded(world, "notice.delivered")) == len(recorded(world, "rollout.asked")) == 1
    finally:
        for pid in pids:
            if alive(pid):
                subprocess.run(["kill", "-9", str(pid)], check=False)
        world.close()
