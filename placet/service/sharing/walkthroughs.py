"""Sharing a run with somebody who has no part in it: making a link, withdrawing it, finding what it leads to.

Invariants of a link that counts, in the order in which they are checked:
 (1) this installation sealed it, for this tenant;
 (2) it has not expired;
 (3) its making is on the run's record, exactly as it says: a key that got out makes no link that nobody knows of;
 (4) nobody has withdrawn it.
A link that does not count costs the same reads as one that does up to here, whatever is wrong with it.
"""

import hashlib
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import AwareDatetime, SecretStr

from placet.contracts.audit import AuditEvent
from placet.contracts.base import Frozen, RunId
from placet.contracts.people.access import Voucher
from placet.contracts.times import rfc3339
from placet.errors import GovernanceError, UsageError
from placet.service.given import person
from placet.service.keeping.tenant_record import check_same_body, vouched
from placet.service.runs import find_run
from placet.service.sharing.links import Link, LinkId, LinkSeal
from placet.storage.database import Database
from placet.storage.transaction import Transaction

MOST_DAYS: Final = 30
USUAL_DAYS: Final = 7
MOST_STANDING: Final = 100
"""Links of a run that count at a time: all of them are listed, so that each can be withdrawn."""
MOST_ENDED: Final = 100
"""How many of those that count no longer are listed, the newest."""
MOST_MADE: Final = 1000
"""Links of a run in `MOST_DAYS`: each look at what counts goes through them."""
_LONGEST: Final = timedelta(days=MOST_DAYS)
_PAGE: Final = 100
_SHARED: Final = "walkthrough.shared"
_WITHDRAWN: Final = "walkthrough.withdrawn"
_DECOY: Final = "run-" + "0" * 20


class SharedLink(Frozen):
    """A link that was made, as the run's record has it.

    Attributes:
        names: Whether it names the people who decided.
        withdrawn_by: Who withdrew it; None where nobody did.
    """

    link_id: LinkId
    run_id: RunId
    shared_by: str
    shared_at: AwareDatetime
    expires_at: AwareDatetime
    names: bool
    withdrawn_by: str | None = None
    withdrawn_at: AwareDatetime | None = None

    def stands(self, now: datetime) -> bool:
        """Return whether it still leads somewhere."""
        return self.withdrawn_at is None and now < self.expires_at


class Walkthroughs:
    """The links of one tenant.

    Args:
        database: Where the record is.
        tenant: Whose.
        secret: The installation's own token, from which the key of the seal is derived.
    """

    def __init__(self, database: Database, tenant: str, secret: SecretStr) -> None:
        self._database, self._tenant = database, tenant
        self._seal = LinkSeal(secret)

    def share(
        self,
        run_id: str,
        *,
        by: str,
        days: int,
        names: bool = False,
        voucher: Voucher | None = None,
        key: str | None = None,
        now: datetime | None = None,
    ) -> tuple[SharedLink, bool]:
        """Make a link, and put on the run's record who did and until when it counts.

        Args:
            run_id: The run.
            by: Who shares it.
            days: How long the link counts.
            names: Whether it names the people who decided.
            voucher: The token or passkey that vouches for `by`, where one does.
            key: The same key of a run is the same link, however often it is sent; None: each time another one.
            now: The caller's clock; None looks at it.

        Returns:
            The link, and whether this call made it.

        Raises:
            UsageError: there is no such run, or a value is malformed. Code `idempotency_conflict`: the key stands for
                another link.
        """
        person(by)
        if not 1 <= days <= MOST_DAYS:
            raise UsageError(f"a link counts for 1 to {MOST_DAYS} days, not for {days}", code="malformed")
        record = find_run(self._database, run_id, self._tenant)
        made_at = now or datetime.now(UTC)
        link_id = secrets.token_hex(16) if key is None else _of_key(run_id, key)
        until = (made_at + timedelta(days=days)).replace(microsecond=0)
        wanted = {"days": days, "names": names}
        said = {"link": link_id, "expires_at": rfc3339(until), **wanted}
        with self._database.transaction() as tx:
            appended = tx.record(
                record, _SHARED, actor=by, at=made_at, body=vouched(said, voucher), key=_step(_SHARED, link_id)
            )
            if appended.ours:
                self._check_room(tx, run_id, made_at)
            else:
                earlier = {name: appended.event.body.get(name) for name in wanted}
                check_same_body((appended.event.actor, earlier), (by, wanted))
            withdrawn = tx.audit.find(run_id, _step(_WITHDRAWN, link_id))
        return _shared(appended.event, withdrawn), appended.ours

    def withdraw(self, run_id: str, link_id: str, *, by: str, voucher: Voucher | None = None) -> SharedLink:
        """Withdraw a link: from now on it leads nowhere. To withdraw it again changes nothing.

        Raises:
            UsageError: there is no such run or link, or `by` is malformed.
        """
        person(by)
        record = find_run(self._database, run_id, self._tenant)
        with self._database.transaction() as tx:
            made = tx.audit.find(run_id, _step(_SHARED, link_id))
            if made is None:
                raise UsageError(
                    f"run {run_id!r} has no link {link_id!r}; see `placet walkthrough list {run_id}`",
                    code="unknown_link",
                )
            entry = tx.record(
                record,
                _WITHDRAWN,
                actor=by,
                at=datetime.now(UTC),
                body=vouched({"link": link_id}, voucher),
                key=_step(_WITHDRAWN, link_id),
            )
        return _shared(made, entry.event)

    def list(self, run_id: str, *, now: datetime | None = None) -> tuple[SharedLink, ...]:
        """Return every link of a run that counts, and the newest `MOST_ENDED` that count no longer, oldest first.

        Raises:
            UsageError: there is no such run.
        """
        find_run(self._database, run_id, self._tenant)
        at = now or datetime.now(UTC)
        shown, ended = list[SharedLink](), 0
        with self._database.reading() as tx:
            for link in _made(tx, run_id):
                if link.stands(at):
                    shown.append(link)
                elif ended < MOST_ENDED:
                    shown.append(link)
                    ended += 1
                elif link.shared_at < at - _LONGEST:
                    break  # none of those before counts
        return tuple(reversed(shown))

    def _check_room(self, tx: Transaction, run_id: str, now: datetime) -> None:
        """Check that a run has no more links than may be listed and looked through, the one just made among them."""
        made = standing = 0
        for link in _made(tx, run_id):
            if link.shared_at < now - _LONGEST:
                break
            made, standing = made + 1, standing + link.stands(now)
            if made > MOST_MADE:
                raise UsageError(
                    f"{MOST_MADE} links of run {run_id!r} were made in the last {MOST_DAYS} days; make no more of it",
                    code="too_many_links",
                )
        if standing > MOST_STANDING:
            raise UsageError(
                f"run {run_id!r} has {MOST_STANDING} links that count already; withdraw one: "
                f"`placet walkthrough list {run_id}`",
                code="too_many_links",
            )

    def text_of(self, shared: SharedLink) -> str:
        """Return the link as text, made again from the record: it is kept nowhere."""
        return self._seal.text_of(
            Link(
                tenant=self._tenant,
                run_id=shared.run_id,
                expires_at=shared.expires_at,
                link_id=shared.link_id,
                names=shared.names,
            )
        )

    def opened(self, text: str, now: datetime) -> Link | None:
        """Return what a link leads to; None where it does not count, whatever the reason."""
        link = self._seal.read(text)
        stands = link is not None and link.tenant == self._tenant and now < link.expires_at
        asked = link if link is not None and stands else None
        run_id, link_id = (_DECOY, "0" * 32) if asked is None else (asked.run_id, asked.link_id)
        made, withdrawn = _step(_SHARED, link_id), _step(_WITHDRAWN, link_id)
        try:
            with self._database.reading() as tx:
                tx.audit.foresee(run_id, made, withdrawn)
                entry, end = tx.audit.find(run_id, made), tx.audit.find(run_id, withdrawn)
            if asked is None or entry is None or end is not None:
                return None
            known = _shared(entry, None)
        except GovernanceError:  # an entry that somebody changed makes no link, and ends every one
            return None
        return asked if (known.expires_at, known.names) == (asked.expires_at, asked.names) else None


def _made(tx: Transaction, run_id: str) -> Iterator[SharedLink]:
    """Yield the links of a run, newest first."""
    before: int | None = None
    while page := tx.audit.latest_of_kind(run_id, _SHARED, before=before, limit=_PAGE):
        ends = [_step(_WITHDRAWN, str(event.body.get("link"))) for event in page]
        tx.audit.foresee(run_id, *ends)
        for event, end in zip(page, ends, strict=True):
            yield _shared(event, tx.audit.find(run_id, end))
        before = page[-1].seq


def _shared(made: AuditEvent, withdrawn: AuditEvent | None) -> SharedLink:
    """Return the link that an entry made.

    Raises:
        GovernanceError: code `audit_broken`; the entry says no link: somebody changed the database.
    """
    said: dict[str, Any] = made.body
    try:
        return SharedLink(
            link_id=said["link"],
            run_id=made.stream,
            shared_by=made.actor,
            shared_at=made.at,
            expires_at=datetime.fromisoformat(str(said["expires_at"])),
            names=bool(said["names"]),
            withdrawn_by=None if withdrawn is None else withdrawn.actor,
            withdrawn_at=None if withdrawn is None else withdrawn.at,
        )
    except (KeyError, ValueError) as error:
        raise GovernanceError(f"entry {made.seq} of {made.stream!r} says no link", code="audit_broken") from error


def _step(kind: str, link_id: str) -> str:
    return f"{kind}.{link_id}"


def _of_key(run_id: str, key: str) -> str:
    return hashlib.sha256(f"{run_id}/{key}".encode()).hexdigest()[:32]
