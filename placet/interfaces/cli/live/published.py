"""`placet strategy publish|list|show`: an exact version is signed once, and runs carry it out from then on."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from placet.contracts.times import moment
from placet.interfaces.cli import output
from placet.interfaces.cli.live.strategy_files import FileArgument, text_in
from placet.interfaces.cli.options import AsOption, JsonFlag, KeyOption, ReasonOption
from placet.interfaces.cli.signing import check_signer, load_signer
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from placet.contracts.people.mandate import MandateRecord
    from placet.governance.policy.set import PolicySet
    from placet.service.documents.mandates import MandateDraft
    from placet.service.strategies.publishing import PublishedStrategy

_SHOWN: Final = 16
"""Of a digest, in characters."""


def add_to(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("publish")(publish)
    app.command("list")(list_published)
    app.command("show")(show)


def publish(
    context: typer.Context,
    file: FileArgument,
    name: AsOption,
    drafted_by: Annotated[str, typer.Option("--drafted-by", metavar="NAME", help="who wrote it: another person")],
    key_file: KeyOption = None,
    reason: ReasonOption = "",
) -> None:
    """Sign a strategy, so that runs may carry it out.

    Your signature is for this exact version. It is also the mandate: what its runs propose within its bounds, and what
    policy lets the agent commit, needs no decision each. An earlier version of the same name is replaced.
    """
    from placet.service.documents.mandates import sign_mandate, take_mandate
    from placet.service.strategies.checking import check_text, in_one_line, strategy_of
    from placet.service.strategies.publishing import draft_of, keep_text, replaces

    toolbox: Toolbox = context.obj
    check_signer(toolbox, name, key_file)
    text = text_in(file)
    strategy = strategy_of(text, str(file))
    _check_agent(toolbox, strategy.agent)
    for finding in check_text(text).findings:
        output.print_notice(in_one_line(str(file), finding))
    database = toolbox.database()
    draft = draft_of(strategy, tenant=toolbox.tenant, drafted_by=drafted_by)
    policies, declared = policies_by_agent(toolbox)(draft.agent), toolbox.facts(draft.agent)
    _print_terms(draft, strategy.title)
    for one in replaces(database, draft):
        output.print_field("replaces", _replaced(one))
    roles = " or ".join(f"role {role}" for role in policies.roles_for("authorise")) or "no role by name"
    output.print_field("signer", f"must hold {roles}, and policy must permit them to sign this one")
    if not policies.lets_commit(draft.agent):
        output.print_notice("policy has no permit to commit: each proposal of its runs waits for a person")
    key = load_signer(toolbox, name, key_file).key
    envelope = sign_mandate(draft, declared, signer=name, reason=reason, key=key)
    keep_text(database, toolbox.tenant, strategy)
    record = take_mandate(database, envelope, tenant=toolbox.tenant, policies=policies, declared=declared)
    output.print_line(f"{strategy.name} is published by {name}, as mandate {record.mandate.document_id}")
    output.print_line(f"start a run of it: `placet run start --customer ID --strategy {strategy.name}`")


def list_published(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List every published version, those over or replaced included.

    Exits with 1 where one was altered in the database.
    """
    from placet.service.strategies.publishing import PublishedStrategy, publications

    toolbox: Toolbox = context.obj
    with toolbox.database().reading() as tx:
        found = publications(tx, toolbox.tenant, policies_by_agent(toolbox), datetime.now(UTC))
    sound = [one for one in found if isinstance(one, PublishedStrategy)]
    altered = [one for one in found if not isinstance(one, PublishedStrategy)]
    if as_json:
        output.print_json([one.model_dump(mode="json") for one in sound])
    elif sound or not altered:
        output.print_lines(map(_line, sound), none="no strategy is published")
    for one in altered:
        output.print_error(f"{one.fault}; it publishes nothing")
    if altered:
        raise typer.Exit(1)


def show(
    context: typer.Context,
    wanted: Annotated[str, typer.Argument(metavar="NAME", help="its name, or a version or the beginning of one")],
    as_json: JsonFlag = False,
) -> None:
    """Show a published strategy: its text, its signer, what is spent."""
    from placet.decisioning.strategies.telling import told
    from placet.interfaces.telling.rollouts import velocity_in_words
    from placet.service.rollouts.velocity import velocity_of
    from placet.service.strategies.publishing import find_published, text_of

    toolbox: Toolbox = context.obj
    database = toolbox.database()
    with database.reading() as tx:
        found = find_published(tx, toolbox.tenant, wanted, policies_by_agent(toolbox), datetime.now(UTC))
        velocity = velocity_of(tx, toolbox.tenant, found.version)
    strategy = text_of(database, found)
    if as_json:
        more = {"velocity": velocity.model_dump(mode="json")} if strategy.rollout.coming else {}
        output.print_json({**found.model_dump(mode="json"), "strategy": strategy.model_dump(mode="json"), **more})
        return
    output.print_grouped((line.group, line.heading, line.words) for line in told(strategy))
    mandate = found.record.mandate
    output.print_field("version", found.version)
    output.print_field("signed", f"by {mandate.signer} at {moment(mandate.signed_at)}, written by {mandate.drafted_by}")
    output.print_field("mandate", mandate.document_id)
    output.print_field("stands", _stands(found))
    if strategy.rollout.coming:
        output.print_field("how fast", velocity_in_words(velocity))


def policies_by_agent(toolbox: Toolbox) -> "Callable[[str], PolicySet]":
    """Return what reads the policy set in force for an agent."""
    from placet.governance.policy.set import PolicySet
    from placet.service.policy_files import read_policy_files

    return lambda agent: PolicySet(read_policy_files(toolbox.policy_path(agent)))


def _check_agent(toolbox: Toolbox, agent: str) -> None:
    from placet.errors import UsageError

    if agent not in toolbox.agents:
        raise UsageError(f"unknown agent {agent!r}; known: {', '.join(toolbox.agents)}", code="unknown_agent")


def _print_terms(draft: "MandateDraft", title: str) -> None:
    fields: list[tuple[str, Any]] = [
        ("strategy", f"“{title}” ({draft.name}), written by {draft.drafted_by}"),
        ("version", draft.strategy),
        ("clears", f"{', '.join(draft.treatments)}: proposals of runs of agent {draft.agent} by this version alone"),
        ("at most", f"{draft.cap_per_customer} for one customer in {draft.period_days} days, {draft.budget} in all"),
        ("in force", f"{moment(draft.valid_from)} until {moment(draft.valid_until)}"),
    ]
    for name, said in fields:
        output.print_field(name, str(said))


def _replaced(one: "MandateRecord") -> str:
    mandate = one.mandate
    spent = mandate.budget.model_copy(update={"amount_minor": one.spent_minor})
    version = str(mandate.strategy)[:_SHOWN]
    return (
        f"version {version}, signed by {mandate.signer}: {spent} of its {mandate.budget} is spent, "
        "and does not count in the new budget"
    )


def _line(found: "PublishedStrategy") -> str:
    mandate = found.record.mandate
    return f"{mandate.name}  {found.version[:_SHOWN]}  {found.title or '(its text is gone)'}, {_stands(found)}"


def _stands(found: "PublishedStrategy") -> str:
    record, mandate = found.record, found.record.mandate
    spent = mandate.budget.model_copy(update={"amount_minor": record.spent_minor})
    if record.revoked_at is not None:
        state = f"withdrawn {moment(record.revoked_at)} by {record.revoked_by}: {record.revoked_reason or 'no reason'}"
    elif found.state == "does_not_count":
        state = f"not in force: {found.signature}"
    elif found.state == "not_yet_valid":
        state = f"not in force before {moment(mandate.valid_from)}, then until {moment(mandate.valid_until)}"
    else:
        state = f"{found.state.replace('_', ' ')} until {moment(mandate.valid_until)}"
        if found.in_force:
            state += f", {found.rollout}"
    return f"signed by {mandate.signer}, {spent} of {mandate.budget} spent, {state}"
