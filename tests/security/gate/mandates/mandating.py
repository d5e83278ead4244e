"""What tests of mandates share: a policy that permits the agent to commit, signed bounds, and what was spent."""

from datetime import UTC, datetime, timedelta
from typing import Any

from placet.contracts.people.mandate import MandateRecord
from placet.governance.policy.set import PolicySet
from placet.service.documents.mandates import draft_mandate, revoke_mandate, sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from tests.support.facts import FACTS
from tests.support.world import Approver, World

# What is read again before an effect, and at no other time.
BUCKET_NOW = "/tmf-api/prepayBalanceManagement/v4/bucket/"


ADJUST = "/tmf-api/prepayBalanceManagement/v4/adjustBalance"


COMMIT = """
@id("retention-commits-small-credits")
permit (principal == Agent::"retention", action == Action::"commit", resource)
when { resource.kind == "adjust_balance" && resource.currency == "USD" && resource.cost_minor <= 2000 };
"""


SUBJECT = "C00005"


COST = 700
"""What the agent proposes for that customer, in cents."""


def permitting(world: World) -> World:
    """Let policy permit the agent to commit small credits."""
    world.edit_policy(lambda text: text + COMMIT)
    return world


def head(world: World) -> Approver:
    """Who may sign mandates."""
    return world.approver("hanna", roles=("retention_head",), limit="1000.00 USD")


def policies(world: World) -> PolicySet:
    return PolicySet(read_policy_files(world.policy_file.parent))


def envelope(signer: Approver, **changes: Any) -> str:
    now = datetime.now(UTC)
    bounds: dict[str, Any] = {
        "tenant": "demo",
        "name": "summer-save",
        "drafted_by": "olga",
        "agent": "retention",
        "kinds": ("adjust_balance",),
        "treatments": ("goodwill_credit",),
        "cap_per_customer": "20.00 USD",
        "period_days": 30,
        "budget": "100.00 USD",
        "valid_from": now - timedelta(minutes=1),
        "valid_until": now + timedelta(days=1),
    }
    return sign_mandate(
        draft_mandate(FACTS, **{**bounds, **changes}), FACTS, signer=signer.name, reason="", key=signer.key
    )


def mandated(world: World, signer: Approver, **changes: Any) -> MandateRecord:
    return take_mandate(
        world.database,
        envelope(signer, **changes),
        tenant="demo",
        policies=policies(world),
        declared=FACTS,
    )


def kinds(world: World, run_id: str) -> list[str]:
    return [event.kind for event in world.events(run_id)]


def passed_over(world: World, run_id: str) -> list[str]:
    return [reason["code"] for event in world.events(run_id, "mandate.passed_over") for reason in event.body["reasons"]]


def spent(world: World, record: MandateRecord) -> int:
    with world.database.reading() as tx:
        found = tx.mandates.get("demo", record.mandate.document_id)
    assert found is not None
    return found.spent_minor


def withdrawn(world: World, hanna: Approver, record: MandateRecord) -> None:
    revoke_mandate(world.database, tenant="demo", mandate_id=record.mandate.document_id, by="olga", reason="enough")
