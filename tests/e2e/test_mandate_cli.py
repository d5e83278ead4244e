"""`placet mandate`: what is reviewed is what is signed, and nothing is in force that no entitled person signed."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from placet.contracts.money import Money
from placet.contracts.people.mandate import Mandate
from placet.entrypoints.main import Tools
from placet.gate.account import give_back, take
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.signed import verify_document
from placet.interfaces.cli.app import run
from placet.storage.database import Database
from placet.storage.transaction import AnotherRun
from tests.support.databases import disarm, outsider, spare_migrations
from tests.support.world import PASSPHRASE

Placet = Callable[..., tuple[int, str, str]]
BOUNDS = {
    "--name": "summer-save",
    "--kind": "adjust_balance",
    "--treatment": "goodwill_credit",
    "--cap": "20.00 USD",
    "--budget": "500.00 USD",
    "--days": "30",
    "--by": "olga",
}

NO_PERMIT = "whoever is entitled may sign it, but policy has no permit to commit, so that it clears nothing"


@pytest.fixture
def placet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Placet:
    """The command line on an installation of its own: exit code, stdout, stderr. Hanna may sign up to 1,000.00 USD."""
    spare_migrations(tmp_path / "placet.db")
    monkeypatch.setenv("PLACET_HOME", str(tmp_path))
    monkeypatch.setenv("PLACET_KEY_PASSPHRASE", PASSPHRASE)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments, Tools())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    assert call("keys", "new", "root")[0] == 0
    assert call("keys", "bootstrap", "root")[0] == 0
    enrolled(call, tmp_path, "hanna")
    return call


def enrolled(call: Placet, home: Path, name: str, role: str = "retention_head", limit: str = "1000.00 USD") -> None:
    assert call("keys", "new", name)[0] == 0
    public = str(home / "keys" / f"{name}.pem.pub")
    assert call("keys", "enroll", name, "--public", public, "--as", "root", "--role", role, "--limit", limit)[0] == 0


def draft(call: Placet, file: Path, *more: str, **changes: str) -> tuple[int, str, str]:
    options = {**BOUNDS, **{f"--{name}": value for name, value in changes.items()}}
    return call("mandate", "draft", "--file", str(file), *(word for pair in options.items() for word in pair), *more)


def signed(call: Placet, file: Path, **changes: str) -> str:
    """Draft and sign; the mandate's id."""
    assert draft(call, file, **changes)[0] == 0
    code, out, err = call("mandate", "sign", str(file), "--as", "hanna")
    assert code == 0, err
    return out.splitlines()[-1].split()[0]


def entries(kind: str) -> list[dict[str, Any]]:
    database: Database = Tools().database()
    with database.reading() as tx:
        found = [event for event in tx.audit.read("tenant/demo") if event.kind == kind]
    database.close()
    return [{**event.body, "actor": event.actor} for event in found]


def listed(call: Placet, *arguments: str) -> Any:
    code, out, err = call("mandate", *arguments, "--json")
    assert code == 0, err
    return json.loads(out)


def test_what_was_drafted_is_shown_and_signed_exactly(placet: Placet, tmp_path: Path) -> None:
    file = tmp_path / "draft.json"
    tests = ("--cohort", "contract in month_to_month, one_year", "--cohort", "tenure_months ge 12")
    code, out, err = draft(placet, file, *tests)
    assert code == 0, err
    bounds = [
        "mandate   summer-save of retention, drafted by olga",
        "clears    adjust_balance: goodwill_credit",
        "cohort    contract in month_to_month, one_year and tenure_months ge 12",
        "at most   20.00 USD for one customer in 30 days",
        "budget    500.00 USD in all",
    ]
    assert out.splitlines()[:5] == bounds
    written = json.loads(file.read_text())
    assert (written["budget"], written["cap_per_customer"]) == ("500.00 USD", "20.00 USD")
    assert listed(placet, "list") == [], "a draft is in force nowhere"

    code, out, err = placet("mandate", "sign", str(file), "--as", "hanna", "--reason", "agreed in the council")
    assert code == 0, err
    assert out.splitlines()[:5] == bounds
    assert (
        out.splitlines()[6] == "signer    must hold role retention_head, and policy must permit them to sign this one"
    )
    (shown,) = listed(placet, "list")
    mandate = Mandate.model_validate(shown["mandate"])
    assert (mandate.signer, mandate.drafted_by, mandate.reason) == ("hanna", "olga", "agreed in the council")
    assert [(test.field, test.op, test.value) for test in mandate.cohort] == [
        ("contract", "in", ("month_to_month", "one_year")),
        ("tenure_months", "ge", 12),
    ]
    assert (shown["state"], shown["left"]) == ("valid", {"amount_minor": 50_000, "currency": "USD"})

    database = Tools().database()
    with database.reading() as tx:
        text = tx.artifacts.get(shown["document"], tenant="demo").decode()
        kept = verify_document(text, Mandate, tenant="demo", now=datetime.now(UTC), find_key=tx.approvers.get)
    database.close()
    assert kept.document == mandate
    (entry,) = entries("mandate.signed")
    assert (entry["actor"], entry["mandate_id"], entry["document"], entry["policies"]) == (
        "hanna",
        mandate.document_id,
        shown["document"],
        ["retention-heads-authorise-within-their-limit"],
    )


def test_a_draft_may_be_written_by_hand_in_toml(placet: Placet, tmp_path: Path) -> None:
    file = tmp_path / "draft.toml"
    until = datetime.now(UTC) + timedelta(days=3)
    file.write_text(
        f"""tenant = "demo"
name = "summer-save"
drafted_by = "olga"
agent = "retention"
kinds = ["adjust_balance"]
treatments = ["goodwill_credit"]
cohort = [{{ field = "risk", op = "eq", value = "high" }}]
cap_per_customer = "20.00 USD"
period_days = 30
budget = "500.00 USD"
valid_from = 2026-01-01T00:00:00Z
valid_until = {until:%Y-%m-%dT%H:%M:%SZ}
"""
    )
    assert placet("mandate", "sign", str(file), "--as", "hanna")[0] == 0
    assert listed(placet, "list")[0]["mandate"]["cohort"] == [{"field": "risk", "op": "eq", "value": "high"}]


@pytest.mark.parametrize(
    ("who", "changes", "code"),
    [
        ("nora", {}, "unknown_key"),
        ("lena", {}, "unentitled"),
        ("hanna", {"budget": "1000.01 USD"}, "unentitled"),
        ("hanna", {"budget": "500.00 EUR", "cap": "20.00 EUR"}, "unentitled"),
        ("hanna", {"by": "hanna"}, "unentitled"),
    ],
)
def test_who_is_not_entitled_puts_nothing_in_force_and_the_attempt_is_on_the_record(
    placet: Placet, tmp_path: Path, who: str, changes: dict[str, str], code: str
) -> None:
    if who == "nora":
        assert placet("keys", "new", "nora")[0] == 0
    elif who == "lena":
        enrolled(placet, tmp_path, "lena", role="retention_lead")
    assert draft(placet, tmp_path / "draft.json", **changes)[0] == 0
    exit_code, _, err = placet("mandate", "sign", str(tmp_path / "draft.json"), "--as", who)
    idle, refusal = err.splitlines()
    if code == "unentitled":
        assert f"; role asked for: retention_head; {who} holds: retention_" in refusal
    assert (exit_code, idle) == (1, NO_PERMIT)
    assert refusal.startswith("placet: ")
    assert listed(placet, "list") == []
    (entry,) = entries("mandate.refused")
    # Who sent it is not known. Who signed it is, where an administrator said whose key it is.
    assert (entry["actor"], entry["code"], entry["signer"]) == ("unverified", code, None if who == "nora" else who)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget": "500"}, "amount '500' is malformed"),
        ({"budget": "5.00 USD"}, "must be above nothing and at most the budget, 5.00 USD"),
        ({"cap": "20.00 EUR"}, "differ in currency"),
        ({"kind": "erase_balance"}, "write 'adjust_balance' or 'order_product'"),
        ({"agent": "collections"}, "unknown agent 'collections'; known: retention"),
        ({"cohort": "contract ne two-year"}, "'contract' is never 'two-year'; it is one of month_to_month"),
        ({"cohort": "tenure_months ge long"}, "'tenure_months' cannot be compared 'ge' with 'long'"),
        (
            {"cohort": "colour eq red"},
            "'colour' is no fact of this agent's customers; it knows contract, ",
        ),
        ({"name": "Summer Save"}, "name 'Summer Save'"),
    ],
)
def test_a_draft_that_cannot_be_meant_is_one_line_and_no_file(
    placet: Placet, tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    code, _, err = draft(placet, tmp_path / "draft.json", **changes)
    assert (code, len(err.strip().splitlines())) == (1, 1)
    assert said in err
    assert not (tmp_path / "draft.json").exists()


def test_wrong_usage_is_exit_2_and_a_draft_is_not_overwritten(placet: Placet, tmp_path: Path) -> None:
    assert draft(placet, tmp_path / "draft.json", cohort="tenure_months")[0] == 2
    assert placet("mandate", "draft", "--file", "x.json")[0] == 2
    (tmp_path / "draft.json").write_text("mine")
    code, _, err = draft(placet, tmp_path / "draft.json")
    assert (code, "exists; choose another file" in err) == (1, True)
    assert (tmp_path / "draft.json").read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "cannot read mandate draft"),
        ("[" * 100_000, "larger than 65536 bytes"),
        ('{"budget": 1.5}', "draft.json': tenant: it is missing, and must be there"),
        (None, "No such file"),
    ],
)
def test_a_file_that_is_no_draft_signs_nothing(placet: Placet, tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "draft.json"
    if text is not None:
        file.write_text(text)
    code, _, err = placet("mandate", "sign", str(file), "--as", "hanna")
    assert (code, len(err.strip().splitlines())) == (1, 1)
    assert said in err


def test_a_draft_of_another_tenant_or_one_that_is_over_signs_nothing(placet: Placet, tmp_path: Path) -> None:
    file = tmp_path / "draft.json"
    assert draft(placet, file)[0] == 0
    good = json.loads(file.read_text())
    for change, said in (
        ({"tenant": "other"}, "signed for tenant 'other', not 'demo'"),
        ({"valid_from": "2026-01-01T00:00:00Z", "valid_until": "2026-01-02T00:00:00Z"}, "makes no sense"),
        ({"budget": 500.0}, "budget 500.0"),
        ({"approved": True}, "approved: there is no field of this name"),
    ):
        file.write_text(json.dumps({**good, **change}))
        code, _, err = placet("mandate", "sign", str(file), "--as", "hanna")
        assert (code, said in err) == (1, True), err
    assert listed(placet, "list") == []


def test_a_revoked_mandate_is_shown_as_such_and_stays_so(placet: Placet, tmp_path: Path) -> None:
    mandate_id = signed(placet, tmp_path / "draft.json")
    code, out, err = placet("mandate", "revoke", mandate_id[:6], "--by", "olga", "--reason", "strategy ended")
    assert code == 0, err
    assert "by olga" in out
    shown = listed(placet, "show", mandate_id)
    assert (shown["state"], shown["revoked_by"], shown["revoked_reason"]) == ("revoked", "olga", "strategy ended")
    (entry,) = entries("mandate.revoked")
    assert (entry["actor"], entry["mandate_id"], entry["reason"]) == ("olga", mandate_id, "strategy ended")
    code, _, err = placet("mandate", "revoke", mandate_id, "--by", "hanna")
    assert (code, "was revoked already, by olga" in err) == (1, True)
    assert placet("mandate", "revoke", mandate_id, "--by", "Olga !")[0] == 1
    assert placet("audit", "verify")[0] == 0


def test_show_says_what_is_used_and_whether_the_signature_still_counts(placet: Placet, tmp_path: Path) -> None:
    mandate_id = signed(placet, tmp_path / "draft.json")
    database = Tools().database()
    with database.transaction() as tx:
        record = tx.mandates.get("demo", mandate_id)
        assert record is not None
        for number in (1, 2):
            of_run, amount = AnotherRun(f"run-{number:020x}", "demo"), Money(amount_minor=450, currency="USD")
            now = datetime.now(UTC)
            assert take(tx, record.mandate, of_run, proposal="c" * 64, customer_id="C00005", amount=amount, now=now)
        assert give_back(tx, AnotherRun(f"run-{1:020x}", "demo"), "c" * 64, datetime.now(UTC)) is not None
    database.close()
    shown = listed(placet, "show", mandate_id)
    assert (shown["spent_minor"], shown["left"]["amount_minor"], shown["signature"]) == (450, 49_550, "good")
    assert [(use["amount_minor"], use["released_at"] is None) for use in shown["uses"]] == [(450, True), (450, False)]
    text = placet("mandate", "show", mandate_id)[1]
    assert "4.50 USD of 500.00 USD spent, 495.50 USD left, valid" in text
    assert f"run-{1:020x}  C00005  4.50 USD, given back" in text

    kept = tmp_path / "signed.json"
    assert placet("mandate", "show", mandate_id, "--signed", str(kept))[0] == 0
    assert sha256_hex(kept.read_bytes()) == shown["document"]

    (key,) = (one for one in json.loads(placet("keys", "list", "--json")[1]) if one["name"] == "hanna")
    assert placet("keys", "revoke", key["key_id"], "--as", "root")[0] == 0
    assert listed(placet, "show", mandate_id)["signature"].startswith("revoked_key: ")
    assert listed(placet, "list")[0]["state"] == "does_not_count"
    assert "495.50 USD left, clears nothing: revoked_key: " in placet("mandate", "list")[1]


def test_a_mandate_that_is_not_there_is_one_line(placet: Placet, tmp_path: Path) -> None:
    signed(placet, tmp_path / "a.json")
    for mandate_id, begin in (("zz", "0 mandates of tenant 'demo' begin"), ("", "1 mandate of tenant 'demo' begins")):
        code, _, err = placet("mandate", "show", mandate_id)
        assert code == 1
        assert err == f"placet: {begin} with {mandate_id!r}; see `placet mandate list`\n"


def test_without_policies_nobody_may_sign_a_mandate(
    placet: Placet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mandate_id = signed(placet, tmp_path / "a.json")
    assert draft(placet, tmp_path / "b.json")[0] == 0
    monkeypatch.setenv("PLACET_POLICY_DIR", str(tmp_path / "nowhere"))
    code, _, err = placet("mandate", "sign", str(tmp_path / "b.json"), "--as", "hanna")
    assert (code, "no policy file (*.cedar)" in err) == (1, True)
    assert [one["mandate"]["document_id"] for one in listed(placet, "list")] == [mandate_id]
    assert listed(placet, "show", mandate_id)["signature"].startswith("policy_missing: ")


def test_an_unknown_treatment_is_refused_and_what_policy_lets_clear_nothing_is_not_said_to_be_in_force(
    placet: Placet, tmp_path: Path
) -> None:
    code, _, err = draft(placet, tmp_path / "x.json", treatment="goodwil_credit")
    assert code == 1
    assert err.startswith("placet: agent 'retention' has no treatment 'goodwil_credit'; known: goodwill_credit, ")
    _, _, err = draft(placet, tmp_path / "x.json", kind="order_product")
    assert err == (
        "placet: treatment 'goodwill_credit' of agent 'retention' is of kind 'adjust_balance', not 'order_product': "
        "give --kind adjust_balance, or another treatment\n"
    )
    assert not (tmp_path / "x.json").exists()
    both = tmp_path / "both.json"
    assert draft(placet, both, "--kind", "order_product", "--treatment", "plan_change")[0] == 0
    file = tmp_path / "draft.json"
    assert draft(placet, file)[0] == 0
    misspelt = tmp_path / "misspelt.json"
    misspelt.write_text(file.read_text().replace("goodwill_credit", "goodwil_credit"))
    assert placet("mandate", "sign", str(misspelt), "--as", "hanna")[0] == 1
    _, out, before = placet("mandate", "sign", str(file), "--as", "hanna")
    assert before == f"{NO_PERMIT}\n"
    idle = "but policy has no permit to commit, so that it clears nothing"
    assert out.rstrip().endswith(f"signed by hanna, {idle}")
    assert placet("mandate", "list")[1].rstrip().endswith(idle)


def test_one_altered_row_hides_no_other_and_fails_the_command(placet: Placet, tmp_path: Path) -> None:
    for name in ("kept", "altered"):
        file = tmp_path / f"{name}.json"
        assert draft(placet, file, name=name)[0] == 0
        assert placet("mandate", "sign", str(file), "--as", "hanna")[0] == 0
    url = f"sqlite:///{tmp_path / 'placet.db'}"
    disarm(url, "mandate")
    with outsider(url) as shell:
        shell('UPDATE mandate SET budget_minor = 9999999 WHERE mandate LIKE \'%"name":"altered"%\'')
    code, out, err = placet("mandate", "list")
    assert (code, "kept" in out, "altered" in out) == (1, True, False)
    assert "was altered in the database; it clears nothing" in err
    code, out, err = placet("mandate", "list", "--json")
    assert code == 1
    (only,) = json.loads(out)
    assert placet("mandate", "show", only["mandate"]["document_id"])[0] == 0
