"""Policy begins stages where a person signed that it may; the commands, the record and the audit say on whose word."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from placet.entrypoints.main import Tools
from placet.entrypoints.settings import Settings
from placet.governance.signing.keys import Signer, create_key_file, public_bytes
from placet.interfaces.cli.app import run as command
from placet.service.documents.keys import enroll_key
from placet.service.keeping.log import signed_head
from placet.storage.projections import verification
from tests.integration.rollouts.test_telling import BOOK, notices, told
from tests.support.strategies.promoting import PERMIT, identity_of, moves, permit, promoted, rolling
from tests.support.strategies.published import Shop
from tests.support.world import PASSPHRASE

Say = Callable[..., tuple[int, str, str]]


@pytest.fixture
def say(shop: Shop, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    """Run a command in this installation; returns its exit code and what it wrote."""
    monkeypatch.setenv("PLACET_KEY_PASSPHRASE", PASSPHRASE)
    settings = Settings(home=shop.home, database_url=database_url, policy_dir=shop.policy_file.parents[1])

    def run(*words: str) -> tuple[int, str, str]:
        tools = Tools()
        monkeypatch.setitem(tools.__dict__, "settings", settings)
        capsys.readouterr()
        code = command(list(words), tools)
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def with_a_key_file(shop: Shop, name: str, role: str = "retention_head") -> Signer:
    """Enroll somebody whose key is in a file of the home folder."""
    key = create_key_file(shop.home / "keys" / f"{name}.pem", PASSPHRASE)
    enroll_key(
        shop.database,
        name=name,
        tenant="demo",
        roles=(role,),
        limit="1000.00 USD",
        public_key=public_bytes(key.private.public_key()),
        by=shop.steps.root,
        expires_at=None,
    )
    return Signer(name, key)


def test_from_the_signature_to_the_audit_it_is_told_on_whose_word_a_stage_began(
    shop: Shop, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_a_key_file(shop, "heidi")
    it = rolling(shop, signed=False)
    assert say("policy", "signatures")[1].startswith("nobody signed a policy set")
    code, out, err = say("policy", "sign", "--as", "heidi", "--most", "100 %", "--reason", "calm stages")
    assert (code, err) == (0, "")
    assert '@id("retention-promotes-calm-stages")' in out, "who signs sees the policy"
    assert "up to 100 % of a cohort" in out
    assert out.rstrip().endswith("signed by heidi, in force")
    (listed,) = json.loads(say("policy", "signatures", "--json")[1])
    assert (listed["state"], listed["signature"]["most"]) == ("in_force", 10_000)

    shown = promoted(it)
    said = "promoted by policy retention-promotes-calm-stages, signed by heidi (set "
    out = say("rollout", "show", "keep_at_risk")[1]
    assert said in " ".join(out.split())
    (move,) = json.loads(say("rollout", "show", "keep_at_risk", "--json")[1])["moves"]
    assert (move["by"], move["who"], move["counts"]) == ("policy", "heidi", True)
    out = say("audit", "log", "tenant/demo")[1]
    assert "signed that policy set " in out
    assert "promoted by policy retention-promotes-calm-stages of set " in out
    assert shown.reached == 10_000

    signed_head(shop.database, identity_of(shop), "demo")
    monkeypatch.setattr(verification, "check_projections", _of_runs_that_ended_here)
    code, out, err = say("audit", "verify")
    assert (code, err) == (0, "")
    assert (
        "strategy keep_at_risk to 100 %: promoted by policy retention-promotes-calm-stages, signed by heidi, "
        "on look 1; the log's key vouches for it"
    ) in out
    (proven,) = json.loads(say("audit", "verify", "--json")[1])["promotions"]
    assert (proven["signer"], proven["to"]) == ("heidi", 10_000)

    code, out, _ = say("policy", "withdraw", listed["signature"]["document_id"][:8], "--by", "olga")
    assert (code, "withdrawn" in out) == (0, True)
    assert "withdrawn by olga" in say("policy", "signatures")[1]


def test_an_audit_names_a_stage_that_policy_did_not_begin(
    shop: Shop, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = rolling(shop)
    body = {"strategy": "keep_at_risk", "version": it.asked.version, "stage": 1, "by": "policy", "document": "1" * 64}
    with shop.database.transaction() as tx:
        tx.record_act("demo", "rollout.moved", "policy", it.now, f"{it.asked.version}.1", body)
        tx.rollouts.put("demo", it.asked.version, moves=1)
    signed_head(shop.database, identity_of(shop), "demo")
    monkeypatch.setattr(verification, "check_projections", _of_runs_that_ended_here)
    code, _, err = say("audit", "verify")
    assert code == 1
    assert "was not begun by policy as its entry" in err
    assert "COUNTS NO LONGER" in say("rollout", "show", "keep_at_risk")[1]


@pytest.mark.parametrize(
    ("name", "role", "most", "said"),
    [
        ("lea", "retention_lead", "100 %", "may publish no strategy"),
        ("heidi", "retention_head", "100", "write it like '10 %'"),
        ("heidi", "retention_head", "0 %", "a share of nothing"),
    ],
)
def test_what_cannot_be_signed_is_one_line(shop: Shop, say: Say, name: str, role: str, most: str, said: str) -> None:
    with_a_key_file(shop, name, role)
    permit(shop)
    code, _, err = say("policy", "sign", "--as", name, "--most", most)
    assert (code, said in err, err.count("\n")) == (1, True, 1), err


def test_as_shipped_there_is_nothing_to_sign(shop: Shop, say: Say) -> None:
    with_a_key_file(shop, "heidi")
    code, _, err = say("policy", "sign", "--as", "heidi", "--most", "50 %")
    assert (code, "nothing to sign" in err) == (1, True)


def test_people_are_told_what_policy_began_and_asked_where_it_did_not(shop: Shop) -> None:
    it = rolling(shop, ("stages: [60 %, 100 %]", "stages: [60 %, 80 %, 100 %]"), text=_up_to(80))
    it.book = BOOK
    assert promoted(it).reached == 8_000
    assert told(it) == [("stage_promoted", "move.1", "heads@operator.example")]
    (one,) = notices(it)
    words = " ".join(one.text.split())
    assert "its next stage has begun by policy retention-promotes-calm-stages, which hanna signed." in words
    assert (one.role, "placet rollout pause keep_at_risk" in one.text) == ("", True)
    it.reach()
    assert promoted(it).reached == 8_000
    assert [two[:2] for two in told(it)] == [("stage_promoted", "move.1"), ("stage_asked", "move.2")]
    assert len(moves(it)) == 1


def test_a_person_may_sign_before_policy_does_and_a_guard_rail_takes_back_what_policy_began(shop: Shop) -> None:
    it = rolling(shop)
    it.take(it.signed(it.order("promote")))
    it.reach()
    shown = it.shown()
    assert [(one.by, one.who) for one in shown.moves] == [("person", "hanna")]
    it.later += timedelta(days=1)
    assert it.shown().reached == 10_000


def _of_runs_that_ended_here(_tx: Any, _tenant: str) -> None:
    """Ask nothing of the rows of runs: here they end without an entry, as nobody carries them."""


def _up_to(percent: int) -> Any:
    return PERMIT.replace("resource.to_percent <= 100", f"resource.to_percent <= {percent}")
