"""Runs and proposals of a batch, by number."""

from placet.contracts.money import Money
from placet.contracts.people.batch import BatchMember
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunRequest
from placet.governance.signing.canonical import digest
from tests.unit.support import a_proposal, a_request


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def run_id(number: int) -> str:
    return f"run-{number:020x}"


def proposal_of(number: int, minor: int = 1000) -> Proposal:
    return a_proposal(minor).model_copy(update={"run_id": run_id(number), "customer_id": f"C{number:05}"})


def request_of(number: int) -> RunRequest:
    return a_request().model_copy(update={"run_id": run_id(number)})


def member_of(number: int) -> BatchMember:
    return BatchMember(run_id=run_id(number), proposal=digest(proposal_of(number)))
