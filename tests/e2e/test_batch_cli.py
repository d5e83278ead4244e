"""`placet approve|reject` for many runs: what is shown is what is signed, and each run has its own outcome."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from placet.contracts.gate import Gate
from placet.contracts.money import Money
from placet.contracts.people.batch import Batch, BatchBounds, BatchMember
from placet.contracts.proposal import AdjustBalance, OrderProduct, Proposal
from placet.contracts.run import RunRequest
from placet.entrypoints.main import Tools
from placet.entrypoints.processes.process import free_port
from placet.governance.batches import BatchedDecision, MemberTree, sign_batch, verify_batched
from placet.governance.signing.keys import load_key_file
from placet.governance.signing.signed import verify_document
from placet.interfaces.cli.app import run
from placet.service.deciding.batches import record_batch
from placet.storage.database import Database
from tests.support.databases import spare_migrations
from tests.support.programs.placet_process import placet as placet_process
from tests.support.requested import request_run
from tests.support.world import PASSPHRASE, World
from tests.unit.support import a_proposal

NOW = datetime.now(UTC)
GATE = Gate(
    verdict="human",
    reason="permitted",
    policy_set="0" * 64,
    policies=("p",),
    roles=("retention_lead",),
    opened_at=NOW - timedelta(minutes=10),
    expires_at=NOW + timedelta(hours=1),
)

Placet = Callable[..., tuple[int, str, str]]


@pytest.fixture
def placet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Placet:
    """The command line on an installation of its own that reaches no Temporal: exit code, stdout, stderr."""
    spare_migrations(tmp_path / "placet.db")
    monkeypatch.setenv("PLACET_HOME", str(tmp_path))
    monkeypatch.setenv("PLACET_KEY_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("PLACET_TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments, Tools())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    for name in ("root", "anna"):
        assert call("keys", "new", name)[0] == 0
    assert call("keys", "bootstrap", "root")[0] == 0
    public = str(tmp_path / "keys" / "anna.pem.pub")
    terms = ("--role", "retention_lead", "--limit", "200.00 USD")
    assert call("keys", "enroll", "anna", "--public", public, "--as", "root", *terms)[0] == 0
    return call


@pytest.fixture
def database(placet: Placet) -> Iterator[Database]:
    """The installation's database."""
    opened = Tools().database()
    yield opened
    opened.close()


def run_id(number: int) -> str:
    return f"run-{number:020x}"


def wait_for_decision(database: Database, proposal: Proposal) -> None:
    """Put a run on record that waits with `proposal`."""
    request = RunRequest(
        run_id=proposal.run_id,
        tenant="demo",
        customer_id=proposal.customer_id,
        agent=proposal.agent,
        key=proposal.run_id,
        requested_by="olga",
        requested_at=NOW,
    )
    with database.transaction() as tx:
        request_run(tx, request)
        digest = tx.artifacts.put_model("demo", proposal)
        tx.record(request, "propose.completed", actor="agent:retention", at=NOW, body={"proposal": digest})
        tx.runs.set_state(proposal.run_id, "awaiting_decision", at=NOW, proposal=digest)


def credit(number: int, minor: int, currency: str = "USD") -> Proposal:
    customer = f"C{number:05}"
    amount = Money(amount_minor=minor, currency=currency)
    mutation = AdjustBalance(customer_id=customer, bucket_id=f"B-{customer}", amount=amount, reason="goodwill")
    changes = {"run_id": run_id(number), "customer_id": customer, "mutation": mutation, "cost": amount}
    return a_proposal(minor).model_copy(update=changes)


def order(number: int, minor: int) -> Proposal:
    mutation = OrderProduct(customer_id=f"C{number:05}", action="add", offering_id="DATA-5")
    return credit(number, minor).model_copy(update={"mutation": mutation, "treatment": "data_pack"})


@pytest.fixture
def waiting(database: Database) -> dict[str, Proposal]:
    """Three credits and an order that wait for a decision."""
    proposals = (credit(1, 300), credit(2, 500), credit(3, 1200), order(4, 200))
    for proposal in proposals:
        wait_for_decision(database, proposal)
    return {proposal.run_id: proposal for proposal in proposals}


def printed(out: str) -> dict[str, str]:
    lines = [json.loads(line) for line in out.splitlines()]
    return {line["run_id"]: json.dumps(line["decision"], sort_keys=True, separators=(",", ":")) for line in lines}


def batch_in(database: Database, decision: str) -> Batch:
    """The batch that anna signed, verified with her enrolled key."""
    envelope = BatchedDecision.model_validate_json(decision).batch.model_dump_json()
    with database.reading() as tx:
        return verify_document(
            envelope, Batch, tenant="demo", now=datetime.now(UTC), find_key=tx.approvers.get
        ).document


def test_print_writes_one_verifiable_decision_for_each_run_and_nothing_else(
    placet: Placet, database: Database, waiting: dict[str, Proposal]
) -> None:
    code, out, err = placet("approve", run_id(2), run_id(1), "--as", "anna", "--reason", "outage", "--print")
    assert (code, err.splitlines()[-2].split(",")[0]) == (0, "to approve: 2 proposals")
    decisions = printed(out)
    assert list(decisions) == [run_id(1), run_id(2)]
    for name, decision in decisions.items():
        with database.reading() as tx:
            record = tx.runs.get(name)
            assert record is not None
            accepted, key = verify_batched(
                decision,
                run=RunRequest(**{field: getattr(record, field) for field in RunRequest.model_fields}),
                proposal_digest=str(record.proposal),
                proposal=waiting[name],
                gate=GATE,
                phase="decide",
                now=datetime.now(UTC),
                find_key=tx.approvers.get,
            )
        assert (accepted.verdict, accepted.approver, accepted.reason, key.name) == ("approve", "anna", "outage", "anna")
    batch = batch_in(database, decisions[run_id(1)])
    assert (batch.size, batch.bounds.kinds, batch.bounds.treatments) == (2, ("adjust_balance",), ("goodwill_credit",))
    assert (str(batch.bounds.max_cost), str(batch.bounds.total_cost)) == ("5.00 USD", "8.00 USD")


def test_all_that_wait_are_chosen_within_the_limits(
    placet: Placet, database: Database, waiting: dict[str, Proposal]
) -> None:
    code, out, err = placet("reject", "--all", "--max-cost", "5.00 USD", "--as", "anna", "--print")
    assert (code, err.splitlines()[0]) == (0, "left out: 1 more run, outside the limits or not to be decided now")
    decisions = printed(out)
    assert list(decisions) == [run_id(1), run_id(2), run_id(4)]
    batch = batch_in(database, decisions[run_id(4)])
    assert (batch.verdict, batch.bounds.kinds) == ("reject", ("adjust_balance", "order_product"))
    code, out, _ = placet("approve", "--all", "--kind", "order_product", "--as", "anna", "--print")
    assert (code, list(printed(out))) == (0, [run_id(4)])
    code, out, _ = placet("approve", "--all", "--treatment", "goodwill_credit", "--as", "anna", "--print")
    assert (code, list(printed(out))) == (0, [run_id(1), run_id(2), run_id(3)])
    code, _, err = placet("approve", "--all", "--agent", "advance", "--as", "anna", "--print")
    assert (code, err) == (1, "placet: there is nothing to approve: 4 wait, none within the limits\n")


def test_named_runs_outside_a_stated_limit_are_left_out_with_a_line_each(
    placet: Placet, waiting: dict[str, Proposal]
) -> None:
    names = [run_id(number) for number in (1, 2, 3, 4)]
    limits = ("--max-cost", "6.00 USD", "--treatment", "goodwill_credit")
    code, out, err = placet("approve", *names, *limits, "--as", "anna", "--print")
    assert code == 0
    assert list(printed(out)) == [run_id(1), run_id(2)]
    assert err.splitlines()[:2] == [
        f"{run_id(3)}  left out: the proposal costs 12.00 USD, the batch is for at most 6.00 USD each",
        f"{run_id(4)}  left out: the proposal is treatment 'data_pack', the batch is for goodwill_credit",
    ]


def test_more_than_the_stated_total_is_not_signed(placet: Placet, waiting: dict[str, Proposal]) -> None:
    code, out, err = placet("approve", "--all", "--total-cost", "21.99 USD", "--as", "anna", "--print")
    assert (code, out) == (1, "")
    assert err == (
        "placet: the 4 proposals cost 22.00 USD together, more than the 21.99 USD you stated; nothing was signed\n"
    )
    assert placet("approve", "--all", "--total-cost", "22.00 USD", "--as", "anna", "--print")[0] == 0


def test_what_is_decided_is_shown_before_the_passphrase_is_asked(
    placet: Placet, waiting: dict[str, Proposal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PLACET_KEY_PASSPHRASE")  # and there is no terminal
    code, out, err = placet("approve", "--all", "--as", "anna")
    assert code == 1
    assert "no terminal to ask for a passphrase" in err
    *shown, bounds = out.splitlines()
    assert shown == [
        "run                       customer  treatment                                   amount",
        f"{run_id(1)}  C00001    goodwill credit (goodwill_credit)   costs 3.00 USD",
        f"{run_id(2)}  C00002    goodwill credit (goodwill_credit)   costs 5.00 USD",
        f"{run_id(3)}  C00003    goodwill credit (goodwill_credit)  costs 12.00 USD",
        f"{run_id(4)}  C00004    data pack (data_pack)               costs 2.00 USD",
        "to approve: 4 proposals, 22.00 USD in total",
    ]
    assert bounds == (
        "bounds signed: agent retention; adjust_balance, order_product; data_pack, goodwill_credit; "
        "at most 12.00 USD each, 22.00 USD in total"
    )


def test_runs_of_two_currencies_or_agents_are_not_decided_together(
    placet: Placet, database: Database, waiting: dict[str, Proposal]
) -> None:
    wait_for_decision(database, credit(5, 100, "EUR"))
    code, _, err = placet("approve", "--all", "--as", "anna", "--print")
    assert (code, "the costs are in EUR, USD and cannot be added up" in err) == (1, True)
    code, out, _ = placet("approve", "--all", "--max-cost", "9.00 EUR", "--as", "anna", "--print")
    assert (code, list(printed(out))) == (0, [run_id(5)])
    wait_for_decision(database, credit(6, 100).model_copy(update={"agent": "advance"}))
    code, _, err = placet("approve", run_id(1), run_id(6), "--as", "anna", "--print")
    assert (code, "not for those of advance, retention; choose by agent" in err) == (1, True)


def test_a_named_run_that_does_not_wait_stops_the_whole_batch(
    placet: Placet, database: Database, waiting: dict[str, Proposal]
) -> None:
    with database.transaction() as tx:
        tx.runs.set_state(run_id(2), "cancelled", at=NOW)
    code, out, err = placet("approve", run_id(1), run_id(2), "--as", "anna", "--print")
    assert (code, out) == (1, "")
    assert f"run '{run_id(2)}' is cancelled and does not wait for a decision" in err
    code, _, err = placet("approve", run_id(1), "run-9", "--as", "anna", "--print")
    assert (code, err) == (1, "placet: no run 'run-9'; see `placet run list`\n")


def test_one_run_is_decided_by_itself_as_ever(placet: Placet, waiting: dict[str, Proposal]) -> None:
    code, out, err = placet("approve", run_id(1), "--as", "anna", "--print")
    assert (code, "what a signature is for" in err) == (0, True)
    assert set(json.loads(out)) == {"payload", "payloadType", "signatures"}
    # … unless a limit is stated, which only a batch carries.
    code, out, _ = placet("approve", run_id(1), "--max-cost", "5.00 USD", "--as", "anna", "--print")
    assert (code, list(printed(out))) == (0, [run_id(1)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the runs, or choose among all that wait with --all"),
        ((run_id(1), "--all"), "name the runs, or choose among all that wait with --all"),
        ((run_id(1), run_id(2), "--proposal", "0" * 64), "one proposal digest cannot be that of several runs"),
        (("--all", "--max-cost", "5"), "amount '5' is malformed"),
        (("--all", "--kind", "delete"), "'delete' is not one of adjust_balance, order_product"),
    ],
)
def test_wrong_usage_is_exit_2_and_one_line(placet: Placet, arguments: tuple[str, ...], message: str) -> None:
    for verdict in ("approve", "reject"):
        code, out, err = placet(verdict, *arguments, "--as", "anna")
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--agent", "No Agent"), "malformed: agent 'No Agent'"),
        (("--max-cost", "5.00 USD", "--total-cost", "5.00 EUR"), "differ in currency"),
        (("--reason", "x" * 501), "malformed: reason"),
    ],
)
def test_malformed_values_sign_nothing(
    placet: Placet, waiting: dict[str, Proposal], arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = placet("approve", "--all", *arguments, "--as", "anna", "--print")
    assert (code, out) == (1, "")
    assert message in err


def test_a_signature_that_counts_nowhere_is_sent_to_nobody(
    placet: Placet, database: Database, waiting: dict[str, Proposal]
) -> None:
    assert placet("keys", "new", "mallory")[0] == 0
    code, _, err = placet("approve", "--all", "--as", "mallory")
    assert (code, "is not enrolled for tenant 'demo'" in err) == (1, True)
    with database.reading() as tx:
        _, enrolled, refused = tx.audit.read("tenant/demo")
    assert (enrolled.kind, refused.kind, refused.body["code"]) == ("key.enrolled", "batch.refused", "unknown_key")


def test_a_signed_batch_is_on_the_tenants_record_with_what_it_says(
    placet: Placet, database: Database, waiting: dict[str, Proposal]
) -> None:
    code, _, err = placet("approve", run_id(1), run_id(2), "--as", "anna", "--reason", "outage")
    assert (code, "Temporal does not answer" in err) == (1, True)
    with database.reading() as tx:
        event = tx.audit.read("tenant/demo")[-1]
        envelope = tx.artifacts.get(event.body["envelope"]).decode()
        batch = verify_document(envelope, Batch, tenant="demo", now=datetime.now(UTC), find_key=tx.approvers.get)
    assert (event.kind, event.actor) == ("batch.signed", "anna")
    assert event.body == {**batch.document.model_dump(mode="json"), "envelope": batch.digest}
    assert (event.body["size"], event.body["verdict"], event.body["reason"]) == (2, "approve", "outage")


def test_a_second_batch_of_one_document_id_is_on_the_record_as_well(
    placet: Placet, database: Database, tmp_path: Path
) -> None:
    key = load_key_file(tmp_path / "keys" / "anna.pem", PASSPHRASE)
    tree = MemberTree([BatchMember(run_id=run_id(1), proposal="1" * 64)])
    cost = Money(amount_minor=1000, currency="USD")
    said = {
        "tenant": "demo",
        "signer": "anna",
        "signed_at": NOW,
        "document_id": "f" * 32,
        "verdict": "approve",
        "size": tree.size,
        "root": tree.root,
        "bounds": BatchBounds(
            agent="retention", kinds=("adjust_balance",), treatments=("t",), max_cost=cost, total_cost=cost
        ),
    }
    for reason in ("outage", "another one", "another one"):
        (text,) = sign_batch(Batch(reason=reason, **said), tree, key.private, key.key_id).values()
        record_batch(database, "demo", text)
    with database.reading() as tx:
        signed = [entry.body for entry in tx.audit.read("tenant/demo") if entry.kind == "batch.signed"]
    assert [(one["document_id"], one["reason"]) for one in signed] == [("f" * 32, "outage"), ("f" * 32, "another one")]
    assert signed[0]["envelope"] != signed[1]["envelope"]


def test_each_run_reports_its_own_outcome_and_one_refusal_is_exit_1(a_world: World) -> None:
    small, large = a_world.pending("C00001"), a_world.pending("C00009")
    a_world.approver("junior", limit="10.00 USD")
    (key,) = (a_world.settings.home / "keys").glob("junior-*.pem")
    signing = ("--as", "junior", "--key-file", str(key))
    address = {"PLACET_TEMPORAL_ADDRESS": a_world.settings.temporal_address}
    done = placet_process(a_world.settings.home, "approve", small, large, *signing, **address)
    assert (done.returncode, done.stderr) == (1, "")
    *_, one, other, summary, became = done.stdout.splitlines()
    says = {line.split()[0]: line for line in (one, other)}
    assert says[small] == f"{small}  approve by junior: accepted"
    assert says[large].startswith(f"{large}  approve by junior: refused (unentitled): 'junior' may not decide")
    assert summary.endswith(": 1 accepted, 1 refused, 0 not reviewed yet")
    assert became == "of 1 approved run: 1 executed"
    a_world.wait(small, "executed")
    assert a_world.record(large).state == "awaiting_decision"

    a_world.stop_worker()
    waits = placet_process(a_world.settings.home, "reject", "--all", *signing, "--wait", "0.1", **address)
    assert (waits.returncode, waits.stderr) == (3, "")
    assert waits.stdout.splitlines()[-2] == f"{large}  reject by junior: delivered, not reviewed yet"
    assert waits.stdout.endswith(": 0 accepted, 0 refused, 1 not reviewed yet\n")


def test_what_print_wrote_counts_when_it_is_sent_by_other_means(a_world: World) -> None:
    run_ids = [a_world.pending("C00001"), a_world.pending("C00003")]
    a_world.approver("anna")
    (key,) = (a_world.settings.home / "keys").glob("anna-*.pem")
    signing = ("--as", "anna", "--key-file", str(key), "--print")
    done = placet_process(a_world.settings.home, "approve", "--all", *signing)
    assert done.returncode == 0, done.stderr
    decisions = printed(done.stdout)
    assert set(decisions) == set(run_ids)
    for run_id in run_ids:
        a_world.send(run_id, decisions[run_id])
    for run_id in run_ids:
        a_world.wait(run_id, "executed")
    assert a_world.effects()["adjustments"] == 2
