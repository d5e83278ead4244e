"""The in-toto Statement v1 whose subject is a proposal digest and whose predicate is the decision."""

from typing import Annotated, Literal

from pydantic import Field, ValidationError

from placet.contracts.base import Digest, Frozen, first_fault
from placet.contracts.people.decision import DecisionPredicate
from placet.errors import DecisionRefused
from placet.governance.signing.canonical import canonical_bytes

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:placet:predicate:decision:v1"


class SubjectDigest(Frozen):
    """The digest set of in-toto, with the one algorithm we accept."""

    sha256: Digest


class Subject(Frozen):
    """What the statement is about."""

    name: str
    digest: SubjectDigest


class Statement(Frozen):
    """An in-toto statement about exactly one proposal."""

    type_: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[tuple[Subject, ...], Field(min_length=1, max_length=1)]
    predicateType: Literal["urn:placet:predicate:decision:v1"]  # noqa: N815 - the wire name
    predicate: DecisionPredicate

    @property
    def proposal_digest(self) -> str:
        """The digest the signer bound the decision to."""
        return self.subject[0].digest.sha256


def decision_payload(proposal_digest: str, predicate: DecisionPredicate) -> bytes:
    """Return the canonical statement bytes that an approver signs."""
    return canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": f"{predicate.run_id}/proposal", "digest": {"sha256": proposal_digest}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate.model_dump(mode="json"),
        }
    )


def parse_statement(payload: bytes) -> Statement:
    """Read a verified payload as a decision statement.

    Raises:
        DecisionRefused: it is something else.
    """
    try:
        return Statement.model_validate_json(payload)
    except ValidationError as error:
        raise DecisionRefused(f"not a decision statement: {first_fault(error)}", code="malformed_statement") from error
