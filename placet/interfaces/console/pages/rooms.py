"""The pages behind the door: their paths, and what access policy is asked about each."""

from collections.abc import Callable
from typing import Final, NamedTuple

from starlette.convertors import IntegerConvertor, register_url_convertor
from starlette.responses import Response

from placet.contracts.people.access import Action
from placet.interfaces.console.forms import LARGEST_PART, MOST_FIELDS, Form
from placet.interfaces.console.guards.body_limit import LARGER
from placet.interfaces.console.pages import (
    components,
    customers,
    halts,
    health,
    inbox,
    run,
    runs,
    walkthroughs,
)
from placet.interfaces.console.pages.audit import entry, log, replay, verification
from placet.interfaces.console.pages.governance import (
    batches,
    delegations,
    mandates,
    notifications,
    oversight,
    policies,
    reversals,
    what_if,
)
from placet.interfaces.console.pages.keys import approvers, own_sessions, tokens
from placet.interfaces.console.pages.live import (
    cohorts,
    figures,
    journeys,
    live_state,
    models,
    outcomes,
    playbook,
    profile,
    published,
    rollouts,
    strategies,
    strategy_form,
)
from placet.interfaces.console.pages.live import (
    decisions as customer_decisions,
)
from placet.interfaces.console.pages.signing import batches as signed_batches
from placet.interfaces.console.pages.signing import decisions, grants, lifts, orders, page
from placet.interfaces.console.pages.signing import delegations as signed_delegations
from placet.interfaces.console.pages.signing import mandates as signed_mandates
from placet.interfaces.console.pages.signing import policies as signed_policies
from placet.interfaces.console.pages.signing import strategies as signed_strategies
from placet.interfaces.console.parts import Asked


class Shown(NamedTuple):
    """A page that only shows."""

    path: str
    show: Callable[[Asked], Response]
    area: str
    action: Action = "read"


class Posted(NamedTuple):
    """What a form of at most `most` fields is posted to; `largest` bounds a file, `longest` each text, in bytes."""

    path: str
    do: Callable[[Asked, Form], Response]
    action: Action
    area: str
    largest: int = LARGEST_PART
    longest: int = LARGEST_PART
    most: int = MOST_FIELDS


_INVITATION: Final = "/approvers/invitations/{invitation}"


class _Number(IntegerConvertor):
    regex = "[0-9]{1,18}"


register_url_convertor("number", _Number())  # Starlette's own `int` takes more digits than Python does

SHOWN: Final = (
    Shown("/inbox", inbox.show, "inbox"),
    Shown("/inbox/live", inbox.live, "inbox"),
    Shown("/runs", runs.show, "runs"),
    Shown("/runs/new", runs.order, "runs", "operate"),
    Shown("/runs/confirm", runs.confirm, "runs", "operate"),
    Shown("/runs/{run_id}", run.show, "runs"),
    Shown("/runs/{run_id}/live", run.live, "runs"),
    Shown("/runs/{run_id}/walkthroughs", walkthroughs.show, "walkthroughs"),
    Shown("/sign/{prompt}", page.show, "console"),
    Shown("/customers", customers.show_all, "customers"),
    Shown("/customers/{customer_id}", customers.show, "customers"),
    Shown("/customers/{customer_id}/state", live_state.show, "customers"),
    Shown("/customers/{customer_id}/state/live", live_state.live, "customers"),
    Shown("/customers/{customer_id}/profile", profile.show, "customers"),
    Shown("/cohorts", cohorts.show, "cohorts"),
    Shown("/decisions", customer_decisions.show, "strategies"),
    Shown("/strategies", strategies.show, "strategies"),
    Shown("/strategies/form", strategy_form.show, "strategies"),
    Shown("/strategies/{strategy}", published.show, "strategies"),
    Shown("/strategies/{strategy}/outcomes", outcomes.show, "strategies"),
    Shown("/strategies/{strategy}/outcomes.csv", outcomes.table, "strategies"),
    Shown("/playbook", playbook.show, "strategies"),
    Shown("/rollouts", rollouts.show_all, "rollouts"),
    Shown("/rollouts/{strategy}", rollouts.show, "rollouts"),
    Shown("/journeys", journeys.show_all, "journeys"),
    Shown("/journeys/{strategy}", journeys.show, "journeys"),
    Shown("/journeys/{strategy}/{customer_id}", journeys.show_one, "journeys"),
    Shown("/figures", figures.show, "cohorts"),
    Shown("/models", models.show_all, "models"),
    Shown("/models/{model}", models.show, "models"),
    Shown("/halts", halts.show, "halts"),
    Shown("/approvers", approvers.show, "keys"),
    Shown("/approvers/keys/{key_id}/public", approvers.public_file, "keys"),
    Shown(f"{_INVITATION}/request.json", approvers.request_file, "keys", "deliver"),
    Shown("/sessions", own_sessions.show, "console"),
    Shown("/tokens", tokens.show, "tokens"),
    Shown("/batches/new", batches.choose, "batches", "deliver"),
    Shown("/batches/{number}", batches.outcome, "batches", "deliver"),
    Shown("/governance", policies.lead_here, "policies"),
    Shown("/governance/policies", policies.show, "policies"),
    Shown("/governance/what-if", what_if.show, "policies"),
    Shown("/governance/mandates", mandates.show_all, "mandates"),
    Shown("/governance/mandates/{mandate_id}", mandates.show, "mandates"),
    Shown("/governance/delegations", delegations.show_all, "delegations"),
    Shown("/governance/reversals", reversals.show_all, "runs"),
    Shown("/governance/reversals/new", reversals.order, "runs", "operate"),
    Shown("/governance/notifications", notifications.show, "notifications"),
    Shown("/governance/oversight", oversight.show, "oversight"),
    Shown("/audit", log.show, "record"),
    Shown("/audit/verification", verification.show, "record"),
    Shown("/audit/entries/{stream:path}/{seq:number}", entry.show, "record"),
    Shown("/audit/proofs/{number:number}", entry.proof, "record"),
    Shown("/audit/replays/{run_id}", replay.show, "record"),
    Shown("/health", health.show, "health"),
    Shown("/components", components.show, "console"),
)
POSTED: Final = (
    Posted("/runs", runs.start, "operate", "runs"),
    Posted("/runs/{run_id}/decisions", run.decide, "deliver", "runs"),
    Posted("/runs/{run_id}/statements", decisions.ask, "deliver", "runs"),
    Posted("/runs/{run_id}/walkthroughs", walkthroughs.share, "operate", "walkthroughs"),
    Posted("/runs/{run_id}/walkthroughs/{link_id}/withdraw", walkthroughs.withdraw, "withdraw", "walkthroughs"),
    Posted("/decisions", customer_decisions.suppose, "read", "strategies"),
    Posted(
        "/strategies",
        strategies.ask,
        "read",
        "strategies",
        longest=strategies.LONGEST_BYTES,
        most=strategies.MOST_FIELDS,
    ),
    Posted(
        "/strategies/form",
        strategy_form.ask,
        "read",
        "strategies",
        longest=strategy_form.LONGEST_BYTES,
        most=strategy_form.MOST_FIELDS,
    ),
    Posted(
        "/strategies/statements",
        signed_strategies.ask,
        "deliver",
        "strategies",
        longest=LARGER["/console/strategies/statements"],
    ),
    Posted("/rollouts", rollouts.start, "operate", "rollouts"),
    Posted("/rollouts/{strategy}/pause", rollouts.pause, "operate", "rollouts"),
    Posted("/rollouts/{strategy}/abort", rollouts.abort, "operate", "rollouts"),
    Posted("/rollouts/{strategy}/orders", orders.ask, "deliver", "rollouts"),
    Posted("/sign/{prompt}", page.take, "read", "console"),
    Posted("/halts", halts.place, "operate", "halts"),
    Posted("/halts/{halt_id}/lift", lifts.ask, "deliver", "halts"),
    Posted("/approvers", approvers.invite, "deliver", "keys"),
    Posted(f"{_INVITATION}/enrolment", approvers.enroll, "deliver", "keys"),
    Posted(f"{_INVITATION}/withdrawal", approvers.withdraw, "deliver", "keys"),
    Posted("/approvers/keys/{key_id}/revocation", approvers.revoke, "deliver", "keys"),
    Posted("/approvers/own/{key_id}/revocation", approvers.revoke_own, "read", "console"),
    Posted("/sessions/end", own_sessions.end_others, "read", "console"),
    Posted("/tokens", grants.ask, "deliver", "tokens"),
    Posted("/tokens/{token_id}/revocation", tokens.revoke, "withdraw", "tokens"),
    Posted("/batches", batches.hand_in, "deliver", "batches", LARGER["/console/batches"]),
    Posted("/batches/statements", signed_batches.ask, "deliver", "batches"),
    Posted("/governance/mandates", signed_mandates.ask, "deliver", "mandates"),
    Posted("/governance/mandates/drafts", signed_mandates.draft, "read", "mandates"),
    Posted("/governance/delegations", signed_delegations.ask, "deliver", "delegations"),
    Posted("/governance/mandates/{mandate_id}/revoke", mandates.revoke, "withdraw", "mandates"),
    Posted("/governance/delegations/{delegation_id}/revoke", delegations.revoke, "withdraw", "delegations"),
    Posted("/governance/policies/signatures", signed_policies.ask, "deliver", "policies"),
    Posted("/governance/policies/signatures/{signature_id}/withdraw", policies.withdraw, "withdraw", "policies"),
    Posted("/governance/reversals", reversals.start, "operate", "runs"),
)
