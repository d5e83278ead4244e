"""`placet mandate draft|sign|list|show|revoke`: what agents may commit without a decision each, on whose signature."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placet.contracts.people.lasting import MOST_DAYS
from placet.contracts.text import counted
from placet.contracts.times import moment
from placet.errors import UsageError
from placet.interfaces.cli import output
from placet.interfaces.cli.options import (
    ApplicationOption,
    AsOption,
    JsonFlag,
    KeyOption,
    ReasonOption,
    application,
    asking,
)
from placet.interfaces.cli.signing import check_signer, load_signer
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placet.contracts.people.mandate import Mandate, MandateRecord
    from placet.governance.policy.set import PolicySet
    from placet.service.documents.mandates import MandateDraft, Standing
    from placet.storage.transaction import Transaction

app = typer.Typer(
    no_args_is_help=True, help="Mandates: signed once, they clear what is within them. Each has bounds and a budget."
)
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="its id, or an unambiguous beginning of it")]
_IDLE = "but policy has no permit to commit, so that it clears nothing"
_SHOWN = 16
"""Of an id, in characters."""


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="mandate")


@app.command("draft")
def draft(
    context: typer.Context,
    file: Annotated[Path, typer.Option("--file", help="where to write the draft (JSON)")],
    name: Annotated[str, typer.Option("--name", help="what people call it, e.g. the strategy it serves")],
    kind: Annotated[list[str], typer.Option("--kind", help="mutation kind it clears; repeatable")],
    treatment: Annotated[list[str], typer.Option("--treatment", help="treatment it clears; repeatable")],
    cap: Annotated[str, typer.Option("--cap", help="most for one customer in the period: '20.00 USD'")],
    budget: Annotated[str, typer.Option("--budget", help="most in all: '5000.00 USD'")],
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="days until it ends")],
    period_days: Annotated[int, typer.Option("--period-days", min=1, max=MOST_DAYS, help="period of the cap")] = 30,
    cohort: Annotated[
        list[str] | None,
        typer.Option("--cohort", help="test on the customer, all must hold: 'tenure_months ge 12'; repeatable"),
    ] = None,
    agent: ApplicationOption = None,
    by: Annotated[str | None, typer.Option("--by", help="who drafts it (default: PLACET_OPERATOR)")] = None,
) -> None:
    """Write a mandate to a file for review. It clears nothing until an entitled person signs it."""
    from placet.service.documents.mandates import draft_mandate

    toolbox: Toolbox = context.obj
    chosen = application(toolbox, agent)
    _check_agent(toolbox, chosen)
    _check_treatments(toolbox, chosen, treatment)
    if file.exists():
        raise UsageError(f"{str(file)!r} exists; choose another file or remove it")
    now = datetime.now(UTC).replace(microsecond=0)
    drafted = draft_mandate(
        toolbox.facts(chosen),
        tenant=toolbox.tenant,
        name=name,
        drafted_by=asking(toolbox, by),
        agent=chosen,
        kinds=kind,
        treatments=treatment,
        cohort=[_cohort_test(text) for text in cohort or ()],
        cap_per_customer=cap,
        period_days=period_days,
        budget=budget,
        valid_from=now,
        valid_until=now + timedelta(days=days),
    )
    _check_kinds(toolbox, drafted)
    output.write_file(file, drafted.model_dump_json(indent=2) + "\n")
    _print_bounds(drafted)
    output.print_line(f"written to {file}; have it reviewed, then `placet mandate sign {file} --as NAME`")


@app.command("sign")
def sign(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="a draft, JSON or TOML")],
    name: AsOption,
    key_file: KeyOption = None,
    reason: ReasonOption = "",
) -> None:
    """Sign a draft and put it in force.

    Proposals within it need no decision each.
    Policy says who may: its permits for the action "authorise" name the role. As shipped that is a retention_head whose
    limit covers the whole budget and who did not draft it. The role is shown before you are asked for your passphrase.
    """
    from placet.service.documents.mandates import read_draft, sign_mandate, take_mandate

    toolbox: Toolbox = context.obj
    check_signer(toolbox, name, key_file)
    drafted = read_draft(file)
    _check_agent(toolbox, drafted.agent)
    _check_treatments(toolbox, drafted.agent, drafted.treatments)
    _print_bounds(drafted)
    policies, declared = _policies(toolbox, drafted.agent), toolbox.facts(drafted.agent)
    roles = " or ".join(f"role {role}" for role in policies.roles_for("authorise")) or "no role by name"
    output.print_line(f"signer    must hold {roles}, and policy must permit them to sign this one")
    if not policies.lets_commit(drafted.agent):
        output.print_notice(f"whoever is entitled may sign it, {_IDLE}")
    key = load_signer(toolbox, name, key_file).key
    envelope = sign_mandate(drafted, declared, signer=name, reason=reason, key=key)
    record = take_mandate(toolbox.database(), envelope, tenant=toolbox.tenant, policies=policies, declared=declared)
    stands = "in force" if policies.lets_commit(drafted.agent) else _IDLE
    output.print_line(f"{record.mandate.document_id}  signed by {name}, {stands}")


@app.command("list")
def list_mandates(
    context: typer.Context,
    agent: Annotated[str | None, typer.Option("--agent", help="only this application's")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List every mandate, those over or revoked included.

    Exits with 1 where one of them was altered in the database.
    """
    from placet.service.documents.mandates import id_of
    from placet.storage.governance.mandates import AlteredMandate

    toolbox: Toolbox = context.obj
    now = datetime.now(UTC)
    with toolbox.database().reading() as tx:
        found = tx.mandates.listed(toolbox.tenant, agent)
        stand = {id_of(one): _standing(toolbox, tx, one, now) for one in found if not isinstance(one, AlteredMandate)}
    altered = [one for one in found if isinstance(one, AlteredMandate)]
    records = [one for one in found if not isinstance(one, AlteredMandate)]
    if as_json:
        output.print_json([_document(record, stand[id_of(record)]) for record in records])
    elif records or not altered:
        lines = (_line(record, stand[id_of(record)], idle=_idle(toolbox, record)) for record in records)
        output.print_lines(lines, none="no mandates")
    for one in altered:
        output.print_error(f"{one.fault}; it clears nothing")
    if altered:
        raise typer.Exit(1)


@app.command("show")
def show(
    context: typer.Context,
    mandate_id: IdArgument,
    signed: Annotated[Path | None, typer.Option("--signed", help="write the signed document here, for replay")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show one mandate: its bounds, and what is used of it.

    It names the runs that used it, and says whether its signature still counts.
    """
    from placet.service.documents.mandates import find_mandate

    toolbox: Toolbox = context.obj
    now = datetime.now(UTC)
    with toolbox.database().reading() as tx:
        record = find_mandate(tx, toolbox.tenant, mandate_id)
        mandate = record.mandate
        uses = tx.mandates.uses(toolbox.tenant, mandate.document_id)
        stands = _standing(toolbox, tx, record, now)
        document = tx.artifacts.get(record.document, tenant=toolbox.tenant).decode() if signed is not None else ""
    if signed is not None:
        output.write_file(signed, document)
    if as_json:
        used = [use.model_dump(mode="json") for use in uses]
        output.print_json({**_document(record, stands), "uses": used})
        return
    output.print_line(_line(record, stands, idle=_idle(toolbox, record)))
    _print_bounds(mandate)
    output.print_line(f"signed    by {mandate.signer} at {moment(mandate.signed_at)}, signature {stands.signature}")
    output.print_line(f"document  {record.document}")
    for use in uses:
        given_back = f", given back {moment(use.released_at)}" if use.released_at else ""
        amount = _money(use.amount_minor, mandate.budget.currency)
        output.print_line(f"use       {moment(use.used_at)}  {use.run_id}  {use.customer_id}  {amount}{given_back}")


@app.command("revoke")
def revoke(
    context: typer.Context,
    mandate_id: IdArgument,
    by: Annotated[str, typer.Option("--by", help="who revokes it")],
    reason: Annotated[str, typer.Option("--reason", help="kept on the record")] = "",
) -> None:
    """Revoke a mandate: it clears nothing from now on.

    What it cleared and is not yet executed will not be.
    """
    from placet.service.documents.mandates import revoke_mandate

    toolbox: Toolbox = context.obj
    record = revoke_mandate(toolbox.database(), tenant=toolbox.tenant, mandate_id=mandate_id, by=by, reason=reason)
    with toolbox.database().reading() as tx:
        output.print_line(_line(record, _standing(toolbox, tx, record, datetime.now(UTC))))


def _check_agent(toolbox: Toolbox, agent: str) -> None:
    if agent not in toolbox.agents:
        raise UsageError(f"unknown agent {agent!r}; known: {', '.join(toolbox.agents)}", code="unknown_agent")


def _check_treatments(toolbox: Toolbox, agent: str, treatments: "Sequence[str]") -> None:
    known = toolbox.treatments(agent)
    unknown = [treatment for treatment in treatments if treatment not in known]
    if unknown:
        raise UsageError(
            f"agent {agent!r} has no treatment {unknown[0]!r}; known: {', '.join(known)}", code="unknown_treatment"
        )


def _check_kinds(toolbox: Toolbox, drafted: "MandateDraft") -> None:
    """Refuse a treatment that is of another kind than the draft clears: it would clear nothing of it."""
    from placet.service.documents.mandates import of_another_kind

    other = of_another_kind(toolbox.treatment_kinds(drafted.agent), drafted)
    if other is not None:
        raise UsageError(
            f"treatment {other.treatment!r} of agent {drafted.agent!r} is of kind {other.kind!r}, not "
            f"{' or '.join(drafted.kinds)!r}: give --kind {other.kind}, or another treatment",
            code="other_kind",
        )


def _idle(toolbox: Toolbox, record: "MandateRecord") -> bool:
    """Return whether policy lets the mandate clear nothing, so that nobody counts on it."""
    from placet.errors import PlacetError

    try:
        return not _policies(toolbox, record.mandate.agent).lets_commit(record.mandate.agent)
    except PlacetError:
        return True


def _policies(toolbox: Toolbox, agent: str) -> "PolicySet":
    from placet.governance.policy.set import PolicySet
    from placet.service.policy_files import read_policy_files

    return PolicySet(read_policy_files(toolbox.policy_path(agent)))


def _cohort_test(text: str) -> dict[str, Any]:
    from placet.service.documents.mandates import cohort_test

    try:
        return cohort_test(text)
    except UsageError as error:
        raise typer.BadParameter(str(error), param_hint="--cohort") from error


def _standing(toolbox: Toolbox, tx: "Transaction", record: "MandateRecord", now: datetime) -> "Standing":
    from placet.service.documents.mandates import standing

    return standing(tx, record, lambda: _policies(toolbox, record.mandate.agent), now)


def _document(record: "MandateRecord", stands: "Standing") -> dict[str, Any]:
    from placet.governance.authority.mandates import left

    return {**record.model_dump(mode="json"), **stands._asdict(), "left": left(record).model_dump(mode="json")}


def _line(record: "MandateRecord", stands: "Standing", *, idle: bool = False) -> str:
    from placet.governance.authority.mandates import left

    mandate, state = record.mandate, stands.state
    if record.revoked_at is not None:
        state_text = f"revoked {moment(record.revoked_at)} by {record.revoked_by}"
    elif state == "does_not_count":
        state_text = f"clears nothing: {stands.signature}"
    else:
        state_text = f"{state.replace('_', ' ')}, until {moment(mandate.valid_until)}"
    if idle and record.revoked_at is None and state != "does_not_count":
        state_text += f", {_IDLE}"
    spent = _money(record.spent_minor, mandate.budget.currency)
    publishes = f"publishes strategy {_version(mandate)}, " if mandate.strategy is not None else ""
    return (
        f"{mandate.document_id[:_SHOWN]}  {mandate.name}  {mandate.agent}, {publishes}signed by {mandate.signer}: "
        f"{spent} of {mandate.budget} spent, {left(record)} left, {state_text}"
    )


def _print_bounds(mandate: "Mandate | MandateDraft") -> None:
    output.print_line(f"mandate   {mandate.name} of {mandate.agent}, drafted by {mandate.drafted_by}")
    output.print_line(f"clears    {', '.join(mandate.kinds)}: {', '.join(mandate.treatments)}")
    tests = [f"{test.field} {test.op} {_value(test.value)}" for test in mandate.cohort]
    if mandate.strategy is not None:
        output.print_line(f"publishes strategy {_version(mandate)}; it clears proposals of its runs alone")
    everybody = "every customer" if mandate.strategy is None else "whom the strategy has"
    output.print_line(f"cohort    {' and '.join(tests) or everybody}")
    output.print_line(f"at most   {mandate.cap_per_customer} for one customer in {counted(mandate.period_days, 'day')}")
    output.print_line(f"budget    {mandate.budget} in all")
    output.print_line(f"valid     {moment(mandate.valid_from)} until {moment(mandate.valid_until)}")


def _version(mandate: "Mandate | MandateDraft") -> str:
    return f"{mandate.name}, version {str(mandate.strategy)[:_SHOWN]}"


def _value(value: int | str | tuple[str, ...]) -> str:
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _money(amount_minor: int, currency: str) -> str:
    from placet.contracts.money import Money

    return str(Money(amount_minor=amount_minor, currency=currency))
