"""A process remembers that a signature is good, never that it counts: whatever takes it away counts at once."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from placet.contracts.people.mandate import Mandate
from placet.errors import DecisionRefused
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import PolicyFile
from placet.governance.signing import signed
from placet.governance.signing.keys import Signer, public_bytes
from placet.service.documents.keys import revoke_key
from placet.service.documents.mandates import revoke_mandate
from placet.service.strategies.deciding import PublishedDecision, decide_by_published
from placet.storage.database import Database
from tests.integration.strategies.publishing import POLICIES, crowd, crowded, head, published
from tests.support.databases import disarm, migrated, sqlite_url
from tests.support.enrolment import new_signer, trusted

NOBODY = PolicySet([PolicyFile(name="own.cedar", text='@id("nobody") forbid (principal, action, resource);')])


@dataclass
class Place:
    """An installation in which one strategy is published, and was asked of by this process."""

    database: Database
    url: str
    root: Signer
    hanna: Signer
    version: str
    policies: PolicySet = POLICIES
    later: timedelta = timedelta()

    def decided(self) -> PublishedDecision:
        now = datetime.now(UTC) + self.later
        return decide_by_published(
            self.database, "demo", "X0007", lambda _agent: self.policies, channel="push", at=now, now=now
        )

    @property
    def mandate_id(self) -> str:
        with self.database.reading() as tx:
            [found] = tx.mandates.publishing("demo")
        return found.mandate.document_id  # type: ignore[union-attr]

    def shell(self, table: str, statement: str, **values: object) -> None:
        disarm(self.url, table)
        with create_engine(self.url).begin() as connection:
            assert connection.execute(text(statement), values).rowcount > 0


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    url = sqlite_url(tmp_path)
    with migrated(url) as database:
        root = trusted(database, tmp_path)
        hanna = head(database, root, expires_at=datetime.now(UTC) + timedelta(days=10))
        crowd(database)
        yield Place(database, url, root, hanna, published(database, crowded("remembered"), hanna))


def _revoke(place: Place) -> None:
    revoke_key(place.database, tenant="demo", key_id=place.hanna.key.key_id, by=place.root, reason="lost")


def _withdraw(place: Place) -> None:
    revoke_mandate(place.database, tenant="demo", mandate_id=place.mandate_id, by="olga", reason="wrong")


def _forbid(place: Place) -> None:
    place.policies = NOBODY


def _expire(place: Place) -> None:
    place.later = timedelta(days=11)


def _alter_row(place: Place) -> None:
    place.shell("mandate", "UPDATE mandate SET document = :other", other="0" * 64)


def _alter_envelope(place: Place) -> None:
    with place.database.reading() as tx:
        [found] = tx.mandates.publishing("demo")
    of = found.document  # type: ignore[union-attr]
    place.shell("artifact", "UPDATE artifact SET data = CAST('{}' AS BLOB) WHERE digest = :of", of=of)


def _alter_text(place: Place) -> None:
    place.shell("artifact", "UPDATE artifact SET data = CAST('{}' AS BLOB) WHERE digest = :of", of=place.version)


@pytest.mark.parametrize(
    ("take_away", "said"),
    [
        (_revoke, "was revoked"),
        (_withdraw, None),
        (_forbid, "unentitled"),
        (_expire, "expired"),
        (_alter_row, "unknown_artifact"),
        (_alter_envelope, "was altered"),
        (_alter_text, "altered"),
    ],
)
def test_what_takes_a_publication_away_counts_at_the_next_decision(
    place: Place, take_away: Callable[[Place], None], said: str | None
) -> None:
    for _ in range(2):
        [one] = place.decided().strategies
        assert one.silent == ""
    assert signed._signed.cache_info().hits > 0
    take_away(place)
    told = place.decided()
    assert told.decision.weighed == ()
    if said is None:
        assert told.strategies == ()
    else:
        [one] = told.strategies
        assert said in one.silent


def test_what_is_remembered_of_one_key_is_nothing_of_another(place: Place) -> None:
    with place.database.reading() as tx:
        [found] = tx.mandates.publishing("demo")
        envelope = tx.artifacts.get(found.document, tenant="demo").decode()  # type: ignore[union-attr]
        key = tx.approvers.get(place.hanna.key.key_id)
    assert key is not None
    now = datetime.now(UTC)
    for _ in range(2):
        verified = signed.verify_document(envelope, Mandate, tenant="demo", now=now, find_key=lambda _: key)
        assert verified.document == found.mandate  # type: ignore[union-attr]
    other = base64.b64encode(public_bytes(new_signer().key.private.public_key())).decode()
    forged = key.model_copy(update={"public_key": other})
    for _ in range(2):
        with pytest.raises(DecisionRefused):
            signed.verify_document(envelope, Mandate, tenant="demo", now=now, find_key=lambda _: forged)
    with pytest.raises(DecisionRefused):
        signed.verify_document(envelope[:-2] + " }", Mandate, tenant="rival", now=now, find_key=lambda _: key)
