"""A rollout whose next stages policy may begin, where somebody signed that it may."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from placet.contracts.audit import AuditEvent, tenant_stream
from placet.contracts.people.policy_signature import PolicySignature
from placet.contracts.strategies.promotion import PolicyPromotion
from placet.entrypoints.beside_worker.policy_watch import PolicyWatch
from placet.entrypoints.settings import Settings
from placet.governance.authority.promotions import read_promotion, sign_promotion
from placet.governance.log.key import LogIdentity, TrustedLog, load_or_create_log_identity
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.keys import Signer
from placet.governance.signing.signed import DOCUMENT_MEDIA_TYPE
from placet.service.documents.policy_signatures import (
    ShownSignature,
    draft_signature,
    sign_policies,
    take_signature,
)
from placet.service.rollouts.showing import ShownRollout
from tests.support.strategies.published import Shop
from tests.support.strategies.rolling import Rolling, crowd, everybody, started

LOG: Final = str(Settings.model_fields["log_name"].default)
PERMIT: Final = """
@id("retention-promotes-calm-stages")
permit (principal == Agent::"retention", action == Action::"promote", resource)
when {
  principal.tenant == resource.tenant &&
  resource.strategy == "keep_at_risk" &&
  resource.market == "us" &&
  resource.from_percent >= 60 &&
  resource.to_percent <= 100 &&
  resource.customers_added <= 400 &&
  resource.passed.contains("complaints") &&
  resource.holds == 0 &&
  resource.currency == "USD" &&
  resource.budget_left_minor >= 100
};
"""
FORBID: Final = """
@id("nothing-on-fridays")
forbid (principal, action == Action::"promote", resource)
when { resource.to_percent > 50 };
"""
PASSING: Final = ("by_more_than: 0.5 points", "by_more_than: 60 points")


def identity_of(shop: Shop) -> LogIdentity:
    """Return the installation's log key, which its database trusts."""
    key = shop.home / "keys" / "log.pem"
    identity = load_or_create_log_identity(LOG, key)
    shop.database.trust.log = TrustedLog(LOG, key)
    return identity


def watch(shop: Shop) -> None:
    """Let the record say which policies are in force."""
    parts = shop.steps.parts
    PolicyWatch(shop.database, parts.policies, ["demo"], ["retention"], parts.context.clock).round()


def permit(shop: Shop, text: str = PERMIT) -> None:
    """Write policies more."""
    shop.policy_file.write_text(shop.policy_file.read_text() + text)
    watch(shop)


def signature(shop: Shop, who: Signer | None = None, **bent: Any) -> str:
    """Sign the set in force; any field of the document may be bent."""
    by = who or shop.hanna
    drafted: PolicySignature = draft_signature(
        shop.policies, tenant="demo", agent="retention", signer=by.name, most="100 %", days=90, reason=""
    )
    return sign_policies(drafted.model_copy(update=bent), by.key)


def take(shop: Shop, envelope: str) -> ShownSignature:
    """Hand a signature on the policies in."""
    return take_signature(shop.database, envelope, tenant="demo", policies=lambda _agent: shop.policies)


def rolling(shop: Shop, *edits: tuple[str, str], signed: bool = True, text: str = PERMIT) -> Rolling:
    """Start a rollout that reached its first stage, whose next one policy may begin."""
    crowd(shop)
    identity = identity_of(shop)
    permit(shop, text)
    if signed:
        take(shop, signature(shop))
    made = started(shop, everybody(PASSING, *edits))
    made.identity = lambda: identity
    made.reach()
    return made


def promoted(of: Rolling) -> ShownRollout:
    """Let a rollout have passed, and look."""
    of.later += timedelta(days=15)
    of.stand()
    of.steps.look(of.asked)
    return of.shown()


def forge(of: Rolling, change: Callable[[PolicyPromotion], PolicyPromotion], *, by: LogIdentity | None = None) -> None:
    """Append a move as if policy had made it, as the owner of the database may; `change` says what it claims.

    `by` vouches for it; None: the log's own key does.
    """
    key = identity_of(of.shop)
    database, version = of.shop.database, of.asked.version
    with database.transaction() as tx:
        entry = moves(of)[-1]
        text = tx.artifacts.get(str(entry.body["document"]), tenant="demo").decode()
        honest = read_promotion(text, key.trusted, key.origin("demo"))
        forged = sign_promotion(change(honest), (by or key).key)
        digest = tx.artifacts.put("demo", DOCUMENT_MEDIA_TYPE, forged.encode())
        assert digest == sha256_hex(forged.encode())
        number = len(moves(of)) + 1
        body = {**entry.body, "document": digest, "number": number}
        tx.record_act("demo", "rollout.moved", "policy", of.now, f"{version}.{number}", body)
        tx.rollouts.put("demo", version, moves=number)


def moves(of: Rolling) -> list[AuditEvent]:
    """Return the moves on the record."""
    with of.shop.database.reading() as tx:
        found = tx.audit.read(tenant_stream("demo"))
    return [one for one in found if one.kind == "rollout.moved" and one.body["version"] == of.asked.version]
