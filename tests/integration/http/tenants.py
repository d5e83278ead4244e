"""A tenant with some of everything that the API lists."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import SecretStr

from placet.entrypoints.environment import CHECKOUT
from placet.governance.policy.set import PolicySet
from placet.governance.signing.keys import Signer, public_bytes
from placet.service.documents.access import issue_token
from placet.service.documents.delegations import sign_delegation, take_delegation
from placet.service.documents.halts import lift_halt, place_halt, sign_lift
from placet.service.documents.invitations import Invitations, Terms
from placet.service.documents.keys import enroll_key
from placet.service.documents.mandates import MandateDraft, draft_mandate, sign_mandate, take_mandate
from placet.service.policy_files import read_policy_files
from placet.service.runs import build_request, record_request
from placet.storage.database import Database
from placet.storage.records import Asked
from tests.integration.http.calling import TOKEN
from tests.support.enrolment import new_signer
from tests.support.facts import FACTS
from tests.unit.support import a_gate, a_proposal

POLICIES = PolicySet(read_policy_files(CHECKOUT / "agents" / "retention" / "policy.cedar"))
PEOPLE = ("ada", "ben", "cleo", "dan", "eve")


def small_credits(name: str, *, tenant: str = "demo", days: int = 1) -> MandateDraft:
    """Return the draft of a mandate that is valid since a minute ago."""
    now = datetime.now(UTC)
    return draft_mandate(
        FACTS,
        tenant=tenant,
        name=name,
        drafted_by="olga",
        agent="retention",
        kinds=("adjust_balance",),
        treatments=("goodwill_credit",),
        cap_per_customer="20.00 USD",
        period_days=30,
        budget="100.00 USD",
        valid_from=now - timedelta(minutes=1),
        valid_until=now + timedelta(days=days),
    )


class Tenant:
    """A tenant with five of everything that is listed, and its API."""

    def __init__(self, database: Database, name: str, root: Signer) -> None:
        self.database, self.name, self.root = database, name, root
        self.people = {who: self.enroll(who) for who in PEOPLE}
        for number in range(5):
            self.add(number)

    def enroll(self, name: str) -> Signer:
        who = new_signer(name)
        enroll_key(
            self.database,
            name=name,
            tenant=self.name,
            roles=("retention_head",),
            limit="1000.00 USD",
            public_key=public_bytes(who.key.private.public_key()),
            by=self.root,
            expires_at=None,
        )
        return who

    def add(self, number: int) -> None:
        """Add one of each thing."""
        self._sign(number)
        halt, _ = self.place_halt(f"reason {number}")
        if number == 2:
            lift_halt(
                self.database,
                sign_lift(halt, name="eve", reason="", key=self.people["eve"].key),
                tenant=self.name,
                policies={"retention": POLICIES},
            )
        issue_token(self.database, tenant=self.name, name=f"crm{number}", roles=("operator",), days=9, by=self.root)
        self.invite(f"guest{number}")
        self.wait(number)

    def invite(self, name: str) -> None:
        """Invite somebody, who does not answer."""
        invitations = Invitations(self.database, self.name, SecretStr(TOKEN), lambda: datetime.now(UTC))
        terms = Terms(name=name, roles=("retention_lead",), limit=None, days=30)
        invitations.invite_once(terms, by="root", voucher=None, key=None)

    def _sign(self, number: int) -> None:
        signer = PEOPLE[number % 5]
        key = self.people[signer].key
        take_delegation(
            self.database,
            sign_delegation(
                tenant=self.name,
                delegator=signer,
                delegate=PEOPLE[(number + 1) % 5],
                roles=("retention_head",),
                limit="5.00 USD",
                days=9 - number,
                reason="",
                key=key,
            ),
            tenant=self.name,
        )
        draft = small_credits(f"save-{number}", tenant=self.name, days=1 + number)
        signed = sign_mandate(draft, FACTS, signer=signer, reason="", key=key)
        take_mandate(self.database, signed, tenant=self.name, policies=POLICIES, declared=FACTS)

    def place_halt(self, reason: str) -> Any:
        given: dict[str, Any] = {"tenant": self.name, "scope": "kind", "subject": "adjust_balance", "by": "olga"}
        return place_halt(self.database, **given, reason=reason, agents=("retention",))

    def wait(self, number: int) -> None:
        """Ask for a run that waits at its gate, of which people were told."""
        request = build_request(
            tenant=self.name,
            customer_id=f"C{number % 2}",
            agent="retention",
            requested_by="olga",
            key=f"k{number}",
            agents=("retention",),
        )
        record_request(self.database, request)
        gate = a_gate().model_copy(update={"expires_at": datetime.now(UTC) + timedelta(hours=9 - number)})
        with self.database.transaction() as tx:
            asked = Asked.of(gate, a_proposal())
            tx.runs.set_state(request.run_id, "awaiting_decision", at=datetime.now(UTC), asked=asked)
            told: dict[str, Any] = {"tenant": self.name, "about": request.run_id}
            words = {"role": "", "subject": "a run waits", "text": "look"}
            tx.outbox.add(**told, **words, occasion="asked", channel="console", recipient="ada", at=datetime.now(UTC))
