"""What every interface shows of the people whose signatures count: their keys, and in whose stead they may decide."""

from collections.abc import Sequence
from datetime import datetime

from placet.contracts.base import Frozen
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.delegation import DelegationRecord
from placet.contracts.people.enrolment import ADMINISTRATOR
from placet.contracts.people.passkey import EnrolmentRequest
from placet.storage.database import Database
from placet.storage.governance.approvers import ListedKey
from placet.storage.transaction import Transaction


class Approver(Frozen):
    """One person.

    Attributes:
        name: As the rows have it.
        roles: What their keys that count now entitle them to decide as.
        keys: Every key in their name, with the reason why one does not count.
        conferred: Delegations to them that are in force and whose signatures count.
    """

    name: str
    roles: tuple[str, ...]
    keys: tuple[ListedKey, ...]
    conferred: tuple[DelegationRecord, ...]


def list_approvers(
    database: Database, tenant: str, now: datetime, *, after: str = "", limit: int = 50
) -> tuple[Approver, ...]:
    """Return the people of `tenant` who are or were enrolled, by name; `after` ended the previous page."""
    with database.reading() as tx:
        return tuple(_approver(tx, tenant, name, now) for name in tx.approvers.names(tenant, after=after, limit=limit))


def public_text(key: EnrolledKey) -> str:
    """Return an enrolled public key as the file that verifies its signatures offline: for `replay --key`.

    That of a key file is the text of its `.pub`; a passkey's says as well how it signs, as its enrolment request did.
    """
    if key.passkey is None:
        return f"{key.public_key}\n"
    request = EnrolmentRequest(name=key.name, key_id=key.key_id, public_key=key.public_key, passkey=key.passkey)
    return request.model_dump_json() + "\n"


def is_last_administrator(listed: Sequence[ListedKey], key_id: str, now: datetime) -> bool:
    """Return whether a key is the only one of `listed` that counts and whose holder may enroll others."""
    counting = [one.key_id for one in listed if _counts(one, now) and one.key and ADMINISTRATOR in one.key.roles]
    return counting == [key_id]


def _approver(tx: Transaction, tenant: str, name: str, now: datetime) -> Approver:
    keys = tx.approvers.listed(tenant, name=name)
    roles = {role for one in keys if one.key is not None and _counts(one, now) for role in one.key.roles}
    standing = tx.delegations.active(tenant, name, now)
    return Approver(
        name=name,
        roles=tuple(sorted(roles)),
        keys=keys,
        conferred=tuple(one for one in standing if tx.delegations.signed(one, now)),
    )


def _counts(one: ListedKey, now: datetime) -> bool:
    return one.key is not None and one.fault is None and one.key.counts(now)
