"""`placet halt|halts|resume`: anyone stops at once; only an entitled signature lets executions go on."""

import io
import json
import os
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch

import pytest

from placet.contracts.audit import AuditEvent
from placet.contracts.money import Money
from placet.contracts.people.halt import Lift
from placet.contracts.proposal import AdjustBalance, Proposal
from placet.contracts.run import RunRequest
from placet.entrypoints.main import Tools
from placet.errors import DecisionRefused
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import PolicyFile
from placet.governance.signing.keys import load_key_file
from placet.governance.signing.signed import sign_document
from placet.interfaces.cli.app import run
from placet.service.documents.halts import find_halt, lift_halt, sign_lift
from placet.service.policy_files import read_policy_files
from placet.storage.database import Database
from placet.storage.governance.enrolment import Trust
from tests.support.databases import spare_migrations

PASSPHRASE = "correct horse"
RETENTION = Path(__file__).parents[2] / "agents" / "retention"


class Installation:
    """An installation's home, and the `placet` program there."""

    def __init__(self, home: Path) -> None:
        self.home = home
        spare_migrations(home / "placet.db")
        self.database = Database(f"sqlite:///{home / 'placet.db'}", trust=Trust(home / "administrators"))

    def placet(self, *arguments: str, code: int = 0, **settings: str) -> str:
        """Run the program; its stdout, or its one line on stderr when it is to fail."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PLACET_")}
        mine = {"PLACET_HOME": str(self.home), "PLACET_KEY_PASSPHRASE": PASSPHRASE, **settings}
        stdout, stderr = io.StringIO(), io.StringIO()
        toolbox = Tools()
        with patch.dict(os.environ, {**clean, **mine}, clear=True), redirect_stdout(stdout), redirect_stderr(stderr):
            returned = run(arguments, toolbox)
        if "_database" in vars(toolbox):
            toolbox.database().close()
        assert returned == code, stdout.getvalue() + stderr.getvalue()
        if code == 0:
            return stdout.getvalue()
        assert len(stderr.getvalue().strip().splitlines()) == 1, stderr.getvalue()
        return stderr.getvalue().strip()

    def enroll(self, name: str, *roles: str, limit: str = "500.00 USD") -> None:
        """A person with a key of their own in the usual place."""
        if not (self.home / "administrators").exists():
            self.placet("keys", "new", "root")
            self.placet("keys", "bootstrap", "root")
        self.placet("keys", "new", name)
        public = str(self.home / "keys" / f"{name}.pem.pub")
        held = [word for role in roles for word in ("--role", role)]
        self.placet("keys", "enroll", name, "--public", public, "--as", "root", "--limit", limit, *held)

    def record(self, kind: str) -> list[AuditEvent]:
        """Entries of one kind on the tenant's own record, the chain verified."""
        with self.database.reading() as tx:
            tx.audit.verify("tenant/demo")
            return [event for event in tx.audit.read("tenant/demo") if event.kind == kind]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.database.close()


def halt_ids(installation: Installation, *flags: str) -> list[str]:
    return [each["halt_id"] for each in json.loads(installation.placet("halts", "--json", *flags))]


def test_a_halt_is_placed_listed_lifted_by_who_may_and_all_of_it_is_on_the_record(installation: Installation) -> None:
    installation.enroll("rita", "retention_head")
    said = installation.placet("halt", "--agent", "retention", "--reason", "wrong price list", "--by", "olga")
    halt_id = said.split()[0]
    assert f"{halt_id}  stops agent retention, placed " in said
    assert said.rstrip().endswith("by olga; olga wrote: “wrong price list”")
    assert installation.placet("halts") == said
    (listed,) = json.loads(installation.placet("halts", "--json"))
    assert (listed["scope"], listed["subject"], listed["placed_by"], listed["lifted_at"]) == (
        "agent",
        "retention",
        "olga",
        None,
    )

    resumed = installation.placet("resume", halt_id, "--as", "rita", "--reason", "list mended")
    assert resumed.splitlines() == [f"to be lifted: {said.rstrip()}", f"{halt_id}  lifted by rita"]
    assert installation.placet("halts") == "no halt is in force\n"
    assert "lifted " in installation.placet("halts", "--all")

    (placed,) = installation.record("halt.placed")
    assert (placed.actor, placed.body["reason"]) == ("olga", "wrong price list")
    (lifted,) = installation.record("halt.lifted")
    assert (lifted.actor, lifted.body["halt_id"], lifted.body["reason"]) == ("rita", halt_id, "list mended")
    assert list(lifted.body["policies"].values()) == [["retention-heads-lift-halts"]]
    with installation.database.reading() as tx:
        halt = tx.halts.get(halt_id)
        assert halt is not None
        assert (halt.lifted_by, halt.lift) == ("rita", lifted.body["document"])
        # The signed document and the policies that were asked are kept, whole.
        for digest in (lifted.body["document"], *lifted.body["policies"]):
            assert tx.artifacts.get(digest, tenant="demo")


@pytest.mark.parametrize("role", ["retention_lead", "retention_head"])
def test_who_may_not_lift_it_or_placed_it_is_refused_and_that_is_on_the_record(
    installation: Installation, role: str
) -> None:
    installation.enroll("olga", role)
    halt_id = installation.placet("halt", "--reason", "stop", "--by", "olga").split()[0]
    line = installation.placet("resume", halt_id, "--as", "olga", code=1)
    why = "forbidden by four-eyes-on-halts"
    assert line.startswith(f"placet: 'olga' may not lift {halt_id}: {why} (policy set ")
    assert halt_ids(installation) == [halt_id]
    (refused,) = installation.record("halt.lift_refused")
    assert (refused.actor, refused.body["code"]) == ("unverified", "unentitled")


def test_the_same_halted_twice_is_lifted_twice(installation: Installation) -> None:
    installation.enroll("rita", "retention_head")
    first, second = (installation.placet("halt", "--reason", "stop").split()[0] for _ in range(2))
    assert f"still in force: {second}  stops everything of tenant demo" in installation.placet(
        "resume", first, "--as", "rita"
    )
    assert halt_ids(installation) == [second]
    line = installation.placet("resume", first, "--as", "rita", code=1)
    assert line.startswith(f"placet: {first} was lifted by rita at ")
    assert sorted(halt_ids(installation, "--all")) == sorted([first, second])


def test_a_lift_is_of_this_tenants_enrolled_key_and_of_one_halt(installation: Installation) -> None:
    installation.enroll("rita", "retention_head")
    halt_id = installation.placet("halt", "--reason", "stop").split()[0]
    installation.placet("keys", "new", "mallory")
    assert "is not enrolled" in installation.placet("resume", halt_id, "--as", "mallory", code=1)
    ritas = str(installation.home / "keys" / "rita.pem")
    assert "in the name of 'mallory'" in installation.placet(
        "resume", halt_id, "--as", "mallory", "--key-file", ritas, code=1
    )
    line = installation.placet("resume", halt_id, "--as", "rita", code=1, PLACET_TENANT="other")
    assert line == f"placet: no halt {halt_id!r}; see `placet halts`"
    assert halt_ids(installation) == [halt_id]
    assert [event.body["code"] for event in installation.record("halt.lift_refused")] == [
        "unknown_key",
        "wrong_person",
    ]


def test_without_a_policy_set_nobody_lifts_a_halt(installation: Installation) -> None:
    installation.enroll("rita", "retention_head")
    halt_id = installation.placet("halt", "--reason", "stop").split()[0]
    nowhere = str(installation.home / "nowhere")
    assert "no policy file" in installation.placet("resume", halt_id, "--as", "rita", code=1, PLACET_POLICY_DIR=nowhere)
    assert halt_ids(installation) == [halt_id]


def test_what_was_leaving_already_is_named_where_the_halt_is_about_it(installation: Installation) -> None:
    at, run_id = datetime.now(UTC), "run-" + "a" * 20
    amount = Money(amount_minor=500, currency="USD")
    request = RunRequest(
        run_id=run_id,
        tenant="demo",
        customer_id="C00001",
        agent="retention",
        key="k",
        requested_by="olga",
        requested_at=at,
    )
    proposal = Proposal(
        run_id=run_id,
        tenant="demo",
        customer_id="C00001",
        agent="retention",
        triggered_by="olga",
        treatment="goodwill_credit",
        mutation=AdjustBalance(customer_id="C00001", bucket_id="B-C00001", amount=amount, reason="goodwill"),
        cost=amount,
        expected_value_minor=1,
        rationale="",
        candidates=(),
        preconditions=(),
        evidence="0" * 64,
        assessment="0" * 64,
    )
    with installation.database.transaction() as tx:
        tx.runs.request(request)
        tx.runs.set_state(run_id, "executing", at=at)
        digest = tx.artifacts.put_model("demo", proposal)
        tx.effects.claim(
            "e" * 64, tenant="demo", run_id=run_id, proposal=digest, holder="me", now=at, lease_seconds=600
        )
        tx.effects.sending("e" * 64, holder="me", now=at, most=2)
    until = f"{at + timedelta(seconds=600):%Y-%m-%d %H:%M:%S}Z"
    named = f"{run_id}  was leaving already and may still arrive until {until}; see `placet run show {run_id}`"
    for flags, about_it in (
        ((), True),
        (("--agent", "retention"), True),
        (("--kind", "adjust_balance"), True),
        (("--kind", "order_product"), False),
    ):
        assert (named in installation.placet("halt", "--reason", "stop", *flags).splitlines()) is about_it


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("halt",), 2, "Missing option '--reason'"),
        (("halt", "--reason", " "), 1, "a halt needs a reason: whoever is to lift it reads it"),
        (("halt", "--reason", "x", "--agent", "a", "--kind", "b"), 2, "for two halts, not for one"),
        (("halt", "--reason", "x", "--agent", "retentoin"), 1, "unknown agent 'retentoin'; known: retention"),
        (("halt", "--reason", "x", "--agent", ""), 1, "unknown agent ''; known: retention"),
        (
            ("halt", "--reason", "x", "--kind", "refund"),
            1,
            "unknown kind 'refund'; known: adjust_balance, order_product",
        ),
        (("halt", "--reason", "x" * 501), 1, "malformed: reason"),
        (("halt", "--reason", "a\x00b"), 1, "malformed: reason"),
        (("halt", "--reason", "x", "--by", "Olga O."), 1, "malformed: placed_by 'Olga O.'"),
        (("resume", "halt-" + "0" * 12, "--as", "rita"), 1, "no halt 'halt-000000000000'; see `placet halts`"),
    ],
)
def test_what_cannot_be_halted_or_lifted_is_one_line(
    installation: Installation, arguments: tuple[str, ...], code: int, message: str
) -> None:
    assert message in installation.placet(*arguments, code=code)
    assert halt_ids(installation, "--all") == []


def test_a_signature_made_for_one_halt_lifts_no_other_and_serves_once(installation: Installation) -> None:
    installation.enroll("rita", "retention_head")
    first, second = (installation.placet("halt", "--reason", "stop").split()[0] for _ in range(2))
    key = load_key_file(installation.home / "keys" / "rita.pem", PASSPHRASE)
    policies = {"retention": PolicySet(read_policy_files(RETENTION / "policy.cedar"))}
    envelope = sign_lift(find_halt(installation.database, "demo", first), name="rita", reason="", key=key)
    halt = lift_halt(installation.database, envelope, tenant="demo", policies=policies)
    # Delivered again, as when the first answer was lost, it changes nothing.
    assert lift_halt(installation.database, envelope, tenant="demo", policies=policies) == halt
    assert len(installation.record("halt.lifted")) == 1
    assert halt_ids(installation) == [second]

    def refusal(policies: dict[str, PolicySet], ago: timedelta = timedelta(0), **changes: str) -> str:
        fields = {"tenant": "demo", "signer": "rita", "halt_id": second, "document_id": "1" * 32, **changes}
        lift = Lift(signed_at=datetime.now(UTC) - ago, **fields)
        text = sign_document(lift, key.private, key.key_id)
        with pytest.raises(DecisionRefused) as refused:
            lift_halt(installation.database, text, tenant="demo", policies=policies)
        return refused.value.code

    assert refusal(policies, tenant="other") == "wrong_tenant"
    assert refusal(policies, halt_id=first) == "already_lifted"
    assert refusal(policies, timedelta(hours=2)) == "predates_halt"
    assert refusal(policies, -timedelta(hours=2)) == "clock_skew"
    assert refusal({}) == "unentitled"
    # A halt that is about more than one agent is not lifted by the policies of one alone.
    nothing = PolicySet([PolicyFile(name="none.cedar", text="")])
    assert refusal({**policies, "strict": nothing}) == "unentitled"
    assert halt_ids(installation) == [second]
