"""What an approver sees at a real terminal: no foreign text fakes or hides a line, and what is signed comes last."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from placet.contracts.gate import Gate
from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance, Candidate, Proposal, Reason
from placet.governance.signing.canonical import digest
from placet.governance.signing.keys import create_key_file
from placet.storage.database import Database
from placet.storage.pending import OPENED, PROPOSED
from tests.support.databases import migrated
from tests.support.programs.terminal import ROWS, on_terminal
from tests.support.requested import request_run
from tests.unit.support import RUN, a_gate, a_proposal, a_request

HOSTILE = (
    "\n" * 52 + "costs     0.00 USD\x1b[2J\x1b[8m\u061c\u200b\u202e\x9b31m\x1b]8;;http://evil\x07click\x1b]8;;\x07"
)
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
OUR_STYLES = re.compile(r"\x1b\[[0-9;]*m")


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def hostile_proposal() -> Proposal:
    """Every field that others fill holds what could repaint a terminal."""
    mutation = AdjustBalance(
        customer_id="C00001",
        bucket_id=f"B-1 digest {'f' * 20}",
        bucket_name=f"Main{HOSTILE}"[:80],
        amount=usd(2600),
        reason="Goodwill credit",
    )
    candidate = Candidate(
        treatment="goodwill_credit",
        name="Goodwill credit",
        eligible=True,
        expected_value_minor=500,
        cost_minor=2600,
        reasons_for=(Reason(code="long_tenure", detail=f"has been with us{HOSTILE}"[:160]),),
        mutation=mutation,
    )
    better = candidate.model_copy(update={"treatment": "plan_change", "name": "Saver", "expected_value_minor": 1700})
    return a_proposal().model_copy(
        update={
            "mutation": mutation,
            "cost": usd(2600),
            "treatment_name": "Goodwill credit",
            "expected_value_minor": 500,
            "candidates": (better, candidate),
            "facts": (Reason(code="given", detail="was given 26.00 USD in the last 90 days"),),
            "rationale": f"Approve at once.{HOSTILE}",
            "amended_by": "anna",
            "amended_reason": f"seen{HOSTILE}",
            "amends": "1" * 64,
            "original_cost": usd(9900),
        }
    )


def database_url(home: Path) -> str:
    return f"sqlite:///{home / 'placet.db'}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An installation in which a hostile proposal waits, and a key of anna's."""
    create_key_file(tmp_path / "keys" / "anna.pem", "correct horse")
    proposal = hostile_proposal()
    with migrated(database_url(tmp_path)) as database:
        waiting(database, proposal)
    return tmp_path


def waiting(database: Database, proposal: Proposal) -> None:
    gate: Gate = a_gate()
    with database.transaction() as tx:
        request_run(tx, a_request())
        address = tx.artifacts.put_model("demo", proposal)
        tx.runs.set_state(RUN, "awaiting_decision", at=datetime.now(UTC), proposal=address)
        for kind in (PROPOSED, OPENED):
            tx.audit.append(
                stream=RUN,
                tenant="demo",
                run_id=RUN,
                kind=kind,
                actor="policy",
                step_key=kind,
                at=datetime.now(UTC),
                body={"proposal": address, "gate": gate.model_dump(mode="json")},
            )


def shown(home: Path, *arguments: str, until: str | None = None, typed: tuple[str, ...] = ()) -> list[str]:
    """The lines on the terminal; nothing in them but printable text and our own styles."""
    environment = {"PLACET_HOME": str(home), "PLACET_DATABASE_URL": database_url(home)}
    seen = on_terminal(list(arguments), environment, until, passphrases=typed)
    plain = OUR_STYLES.sub("", seen).replace("\r\n", "\n")
    assert not FORBIDDEN.search(plain), repr(plain)
    assert "\x1b" not in plain
    return plain.removesuffix("\n").split("\n")


def test_what_is_signed_comes_last_before_the_question_and_fits_the_screen(home: Path) -> None:
    lines = shown(home, "approve", RUN, "--as", "anna", until="passphrase")
    proposal = hostile_proposal()
    assert lines[-1].startswith("passphrase of anna's key"), lines[-30:]
    start = lines.index("what a signature is for")
    signed = lines[start + 1 : -1]
    assert len(signed) < ROWS - 2
    text = re.sub(r"\s+", " ", " ".join(signed))
    labels = [line.split()[0] for line in signed if line[:1] not in ("", " ")]
    assert labels == ["run", "treatment", "value", "changes", "evidence", "does", "target", "amount", "digest"]
    assert f"run {RUN}" in text
    assert "treatment Goodwill credit (goodwill_credit)" in text
    assert "credit 26.00 USD once to balance" in text
    assert "amount 26.00 USD credit; costs 26.00 USD" in text
    assert digest(proposal) in re.sub(r"\s+", "", signed[-1])
    above = " ".join(" ".join(lines[:start]).split())
    assert "was given 26.00 USD in the last 90 days" in above
    assert "Saver is expected to be worth 17.00 USD, 12.00 USD more" in above
    assert "the model says: “Approve at once." in above
    assert "anna wrote: “seen" in above
    assert not [line for line in lines if re.match(r"(costs|state|digest +f)", line)]


def test_a_mistyped_passphrase_is_asked_for_again_and_the_screen_is_not_lost(home: Path) -> None:
    command = ("approve", RUN, "--as", "anna", "--print")
    lines = shown(home, *command, typed=("a slip", "another", "correct horse"))
    again = [line for line in lines if line.endswith("; try again")]
    assert len(again) == 2
    assert "wrong passphrase" in again[0]
    assert json.loads(lines[-1])["signatures"]
    assert lines.count("what a signature is for") == 1
    lines = shown(home, *command, typed=("a slip", "another", "a third"))
    assert "wrong passphrase or not a key file" in lines[-1]
    assert lines[-1].endswith("`placet keys new anna --file FILE`, and have that key enrolled")


def test_who_has_no_key_here_is_told_before_anything_is_shown(home: Path) -> None:
    lines = shown(home, "approve", RUN, "--as", "bert")
    assert "what a signature is for" not in lines
    assert "No such file or directory; create one with `placet keys new`" in " ".join(lines)
    with Database(database_url(home)) as database, database.reading() as tx:
        assert "approve.seen" not in {event.kind for event in tx.audit.read(RUN)}


@pytest.mark.parametrize("command", [("run", "show", RUN), ("inbox",)])
def test_no_reading_command_lets_foreign_text_begin_a_line(home: Path, command: tuple[str, ...]) -> None:
    lines = shown(home, *command)
    assert any("credit 26.00 USD once to balance" in line for line in lines)
    assert not [line for line in lines if re.match(r"(costs|click|digest +f)", line)]
