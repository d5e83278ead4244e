"""Publishing strategies: an exact version is signed once, as the mandate its runs clear under."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache

from placet.contracts.base import Digest, Frozen
from placet.contracts.people.mandate import Mandate, MandateRecord
from placet.contracts.strategies.strategy import Strategy
from placet.contracts.strategies.written import share_in_words
from placet.contracts.text import NAME, counted, shortened
from placet.decisioning.strategies.publication import terms_of
from placet.errors import GovernanceError, UsageError
from placet.gate.strategies.published import strategy_of
from placet.gate.strategies.rollout import Authorised, in_words, standing_of
from placet.governance.policy.set import PolicySet
from placet.governance.signing.canonical import digest
from placet.service.documents.mandates import MandateDraft, Standing, standing
from placet.service.given import checked
from placet.service.runs import Carries
from placet.storage.database import Database
from placet.storage.governance.mandates import AlteredMandate
from placet.storage.transaction import Transaction

_NOT_YET = "0" * 64
"""Stands for a signature that there is not yet."""
_DIGITS = 8
"""Of a version, at least, by which one is found."""


class PublishedStrategy(Frozen):
    """A version of a strategy that somebody signed, and where it stands.

    Attributes:
        version: Its digest.
        record: The mandate that publishes it, and what of its budget is spent.
        state: As a mandate's; `does_not_count` where its signature or its text fails now.
        signature: `good`, or the code and reason of what fails.
        title: What people call it; empty where its text is gone.
        reached: The share of its cohort that it may reach now, in basis points.
        rollout: Where its rollout stands, in words; empty where that cannot be said.
    """

    version: Digest
    record: MandateRecord
    state: str
    signature: str
    title: str
    reached: int
    rollout: str = ""

    @property
    def in_force(self) -> bool:
        """Whether runs may carry it out now."""
        return self.state in ("valid", "exhausted")


def keep_text(database: Database, tenant: str, strategy: Strategy) -> str:
    """Keep a strategy's text under its digest, which is returned. Kept alone, it counts for nothing."""
    with database.transaction() as tx:
        return tx.artifacts.put_model(tenant, strategy)


def draft_of(strategy: Strategy, *, tenant: str, drafted_by: str) -> MandateDraft:
    """Return the mandate that publishes a strategy, before anybody signed it.

    Args:
        strategy: A sound one.
        tenant: Whose.
        drafted_by: Who wrote it; as shipped, policy wants another person to sign.

    Raises:
        UsageError: a value is malformed.
    """
    with checked():
        return MandateDraft(tenant=tenant, drafted_by=drafted_by, strategy=digest(strategy), **dict(terms_of(strategy)))


def publications(
    tx: Transaction, tenant: str, policies: Callable[[str], PolicySet], now: datetime
) -> tuple[PublishedStrategy | AlteredMandate, ...]:
    """Return every published version, by name, the newest of each first; rows that were altered last.

    Args:
        tx: A transaction to read in.
        tenant: Whose.
        policies: Reads the set in force for an agent.
        now: When they are to count.
    """
    found, asked = tx.mandates.publishing(tenant), cache(policies)
    altered = [one for one in found if isinstance(one, AlteredMandate)]
    sound = [published(tx, one, asked, now) for one in reversed(found) if isinstance(one, MandateRecord)]
    return (*sorted(sound, key=lambda one: one.record.mandate.name), *altered)


def find_published(
    tx: Transaction, tenant: str, wanted: str, policies: Callable[[str], PolicySet], now: datetime
) -> PublishedStrategy:
    """Return the strategy of a name, as it is in force or was last, or the one of a version or of a beginning of it.

    Raises:
        UsageError: code `unknown_strategy`; none is, or several versions begin so. Code `strategy_altered`; there is no
            such one among those that can be read, and a publication was altered.
    """
    all_of_them = publications(tx, tenant, policies, now)
    found = [one for one in all_of_them if isinstance(one, PublishedStrategy)]
    named = [one for one in found if one.record.mandate.name == wanted]
    if named:
        return next((one for one in named if one.in_force), named[0])
    began = [one for one in found if len(wanted) >= _DIGITS and one.version.startswith(wanted)]
    if len({one.version for one in began}) == 1:
        return next((one for one in began if one.in_force), began[0])
    shown = shortened(repr(wanted), NAME)
    if began:
        raise UsageError(f"several versions begin with {shown}; write more of it", code="unknown_strategy")
    altered = [one.mandate_id for one in all_of_them if isinstance(one, AlteredMandate)]
    if altered:
        raise UsageError(
            f"no published strategy {shown} can be read, and {counted(len(altered), 'publication')} of those on record "
            f"({altered[0][:_DIGITS]}) {'was' if len(altered) == 1 else 'were'} altered: nothing of it executes. "
            "`placet audit verify` says what",
            code="strategy_altered",
        )
    raise UsageError(f"no published strategy {shown}; `placet strategy list` lists them", code="unknown_strategy")


def find_in_force(
    tx: Transaction, tenant: str, wanted: str, policies: Callable[[str], PolicySet], now: datetime
) -> PublishedStrategy:
    """Return the strategy that `find_published` does, if runs may carry it out now.

    Raises:
        UsageError: as there; code `strategy_unpublished`, it is not in force.
    """
    found = find_published(tx, tenant, wanted, policies, now)
    if not found.in_force:
        why = found.signature if found.state == "does_not_count" else f"it is {found.state.replace('_', ' ')}"
        raise UsageError(f"strategy {found.record.mandate.name!r} is not in force: {why}", code="strategy_unpublished")
    return found


def speaking(
    tx: Transaction, tenant: str, policies: Callable[[str], PolicySet], now: datetime
) -> tuple[PublishedStrategy, ...]:
    """Return the published strategies that are not over by now, by name: one version of each.

    One whose signature or text counts no longer is among them, and says so. Versions that are over are not verified:
    this is asked for every customer.
    """
    found: dict[str, PublishedStrategy] = {}
    asked = cache(policies)  # all are judged by the set of one moment
    for one in reversed(tx.mandates.publishing(tenant)):
        if isinstance(one, AlteredMandate) or one.revoked_at is not None or one.mandate.valid_until <= now:
            continue
        shown = published(tx, one, asked, now)
        before = found.get(one.mandate.name)
        if before is None or (shown.in_force and not before.in_force):
            found[one.mandate.name] = shown
    return tuple(found[name] for name in sorted(found))


def carried(
    database: Database,
    tenant: str,
    wanted: str,
    channel: str | None,
    policies: Callable[[str], PolicySet],
    now: datetime,
    *,
    by_steps: bool = False,
) -> Carries:
    """Return what a run of a published strategy carries out.

    Args:
        database: Where it is.
        tenant: Whose.
        wanted: Its name, or a version or the beginning of one.
        channel: Where the customer would be told; None: the first that the strategy names.
        policies: Reads the set in force for an agent.
        now: When it is to be in force.
        by_steps: Whether a strategy of several steps may be meant: a journey starts its runs, and nobody else does.

    Raises:
        UsageError: as `find_in_force`; code `other_channel`, the strategy says nothing there; code `has_steps`.
    """
    with database.reading() as tx:
        found = find_in_force(tx, tenant, wanted, policies, now)
        strategy = strategy_of(tx, found.record)
    if strategy.steps and not by_steps:
        raise UsageError(
            f"strategy {strategy.name!r} takes customers through steps, and a journey starts the run of each: "
            f"`placet journey start --strategy {strategy.name} --customer ID`",
            code="has_steps",
        )
    told = strategy.contact.channels[0] if channel is None else channel
    known = next((one for one in strategy.contact.channels if one == told), None)
    if known is None:
        named = ", ".join(strategy.contact.channels)
        raise UsageError(f"strategy {strategy.name!r} says nothing by {told!r}; it names {named}", code="other_channel")
    return Carries(strategy.name, found.version, known, strategy.agent)


def text_of(database: Database, found: PublishedStrategy) -> Strategy:
    """Return the text of a published version.

    Raises:
        DecisionRefused: code `strategy_altered`; it is gone, or is not what was signed.
    """
    with database.reading() as tx:
        return strategy_of(tx, found.record)


def name_of(tx: Transaction, tenant: str, version: str) -> str:
    """Return what the strategy of a version is called; empty where nobody signed it, or its rows were altered."""
    found = [one for one in tx.mandates.publishing(tenant, version) if isinstance(one, MandateRecord)]
    return found[-1].mandate.name if found else ""


def kept_text(database: Database, mandate: Mandate) -> Strategy:
    """Return the text that a mandate would publish, before anybody signed it.

    Raises:
        DecisionRefused: code `strategy_altered`; nothing of that digest is kept, or the mandate has other bounds.
    """
    with database.reading() as tx:
        return strategy_of(tx, MandateRecord(mandate=mandate, document=_NOT_YET, key_id=_NOT_YET, spent_minor=0))


def replaces(database: Database, mandate: Mandate | MandateDraft) -> tuple[MandateRecord, ...]:
    """Return the mandates that publishing a strategy would replace: those of its name that are in force."""
    now = datetime.now(UTC)
    with database.reading() as tx:
        found = [one for one in tx.mandates.publishing(mandate.tenant) if isinstance(one, MandateRecord)]
    return tuple(
        one
        for one in found
        if one.mandate.name == mandate.name and one.revoked_at is None and one.mandate.valid_until > now
    )


def published(
    tx: Transaction, record: MandateRecord, policies: Callable[[str], PolicySet], now: datetime
) -> PublishedStrategy:
    """Return where the version stands that a mandate publishes."""
    stands = standing(tx, record, lambda: policies(record.mandate.agent), now)
    title, share, rollout = "", 0, ""
    try:
        strategy = strategy_of(tx, record)
        title = strategy.title
        rolled = standing_of(tx, Authorised(strategy, record.mandate, policies(record.mandate.agent), now))
        share, rollout = rolled.reached, in_words(rolled)
        if rolled.started is None:
            rollout = f"not rolled out; its first stage is {share_in_words(share)}"
    except (GovernanceError, UsageError) as error:  # one that is damaged must not hide the others
        stands = Standing("does_not_count", f"{error.code}: {error}")
    return PublishedStrategy(
        version=str(record.mandate.strategy),
        record=record,
        state=stands.state,
        signature=stands.signature,
        title=title,
        reached=share,
        rollout=rollout,
    )
