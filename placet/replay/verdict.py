"""Fetch a history, judge it, and say what was found."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel, TypeAdapter, ValidationError
from temporalio.client import WorkflowHistory

from agents.catalogue import load
from placet.contracts.audit import ENDED
from placet.contracts.base import RunId
from placet.contracts.billing import Evidence
from placet.contracts.people.decision import AcceptedDecision
from placet.contracts.people.passkey import Passkey
from placet.contracts.proposal import Proposal
from placet.contracts.run import END_STATES
from placet.contracts.times import moment
from placet.engine.converter import data_converter
from placet.engine.history import RunHistory, read_history
from placet.engine.payload_codec import NOT_SEALED_FOR_IT
from placet.engine.payload_keys import PayloadKeys, load_key
from placet.entrypoints.connection import connect, open_database
from placet.entrypoints.likelihoods import named_source
from placet.entrypoints.settings import Settings
from placet.entrypoints.tenant_files.contact import ContactFiles
from placet.errors import ConfigurationError, GovernanceError, PlacetError, StorageError, UsageError
from placet.governance.log.chain import entry_fault
from placet.governance.signing.canonical import digest
from placet.replay.agreement import check_agreement, check_expiry, check_identity, check_unencrypted
from placet.replay.case import Case, build_case
from placet.replay.decisions import check_decisions
from placet.replay.effects import check_effects
from placet.replay.files import load_history, load_trusted, write_history
from placet.replay.notes import notes
from placet.replay.retelling import retell
from placet.replay.trust import Trusted
from placet.replay.versions import check_versions
from placet.replay.weighing.live_state import compare_analysed
from placet.replay.weighing.rederivation import rederive
from placet.storage.pending import PROPOSED
from placet.storage.sql.reading import pass_on_others
from placet.storage.transaction import Transaction

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass
class Verdict:
    """The outcome of a replay.

    Attributes:
        proposal: Digest of the newest version, derived again.
        decisions: Envelope digests of the accepted decisions.
        signed: Who decided what, with which key, and whether the signature was verified; one line for each decision.
        mandate: Digest of the signed mandate that cleared it.
        faults: What does not hold; empty when everything does.
        notes: What was not checked, and by whom it is.
        first: The agent's own version of the proposal.
    """

    run_id: str
    state: str = ""
    events: int = 0
    proposal: str | None = None
    decisions: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    mandate: str | None = None
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    first: Proposal | None = field(default=None, repr=False)


async def replay(
    settings: Settings,
    target: str,
    export: Path | None = None,
    public_keys: Sequence[Path] = (),
    mandates: Sequence[Path] = (),
) -> Verdict:
    """Fetch or read the history of `target` (a run id, or a file) and judge it.

    With `public_keys` (the approvers' `.pub` files, got from somewhere trusted) signatures are verified as well, with
    `mandates` also what was cleared without a decision (`placet.replay.files.load_trusted`).

    Raises:
        UsageError: there is no such run or file, or a file is not what it should be.
        ConfigurationError: Temporal does not answer, or the payload key is another one.
    """
    trusted = load_trusted(public_keys, mandates)
    keys = load_key(settings.payload_key)
    history = await _history(settings, target)
    if export is not None:
        write_history(export, history)
    verdict = await judge(
        history,
        keys,
        trusted.keys,
        holders=trusted.holders,
        mandates=trusted.mandates,
        passkeys=trusted.passkeys,
    )
    if _is_run(target):
        faults, found = await asyncio.to_thread(_against_record, settings, verdict)
        verdict.faults.extend(faults)
        verdict.notes.extend(found)
    if verdict.first is not None:
        faults, found = await asyncio.to_thread(_rederived, settings, verdict.first)
        verdict.faults.extend(faults)
        verdict.notes.extend(found)
    return verdict


async def judge(
    history: WorkflowHistory,
    payload_keys: PayloadKeys,
    keys: Mapping[str, bytes] = MappingProxyType({}),
    *,
    holders: Mapping[str, str] = _NOTHING,
    mandates: Mapping[str, str] = _NOTHING,
    passkeys: Mapping[str, Passkey] = MappingProxyType({}),
) -> Verdict:
    """Replay `history`, and derive again whatever can be derived from it alone.

    Args:
        history: As Temporal keeps or exported it.
        payload_keys: What its payloads are sealed with.
        keys: Public keys by key id; with them signatures are verified.
        holders: Whose keys they are, by key id, where that is known.
        mandates: Texts of signed mandates by the SHA-256 of the text.
        passkeys: Which of the keys are passkeys, by key id.

    Raises:
        ConfigurationError: the payloads were encrypted with another key.
    """
    verdict = Verdict(history.workflow_id, events=len(history.events))
    try:
        facts = await read_history(history, data_converter(payload_keys))
        if facts.unencrypted:
            verdict.faults.extend(check_unencrypted(facts))
            return verdict
        verdict.state = facts.state
        if facts.request is None:
            verdict.faults.append("the history does not begin with a request")
            return verdict
        told = await retell(history, data_converter(payload_keys, for_worker=True))
        verdict.faults.extend(check_agreement(facts, told))
        _judge(verdict, facts, build_case(facts.request, told, Trusted(keys, holders, mandates, passkeys)))
    except ConfigurationError as error:
        if error.code != NOT_SEALED_FOR_IT:
            raise
        verdict.faults.append(f"the history holds what was not written for this run: {error}")
    except ValueError as error:
        verdict.faults.append(f"the history holds what this version does not write: {str(error).splitlines()[0]}")
    return verdict


def _judge(verdict: Verdict, facts: RunHistory, case: Case) -> None:
    checks = (
        check_identity(facts, case),
        check_versions(case),
        check_decisions(case),
        check_effects(case),
        check_expiry(facts, case),
    )
    verdict.faults.extend(fault for faults in checks for fault in faults)
    verdict.notes.extend(dict.fromkeys(notes(facts, case)))
    verdict.proposal = next(reversed(case.versions), None)
    verdict.first = next((version.proposal for version in case.versions.values()), None)
    verdict.decisions = list(dict.fromkeys(one.decision.envelope_digest for one in case.accepted))
    verdict.signed = list(dict.fromkeys(_signed(one.decision, case) for one in case.accepted))
    if case.gate is not None and case.gate.clearance is not None:
        verdict.mandate = case.gate.clearance.document


def _signed(decision: AcceptedDecision, case: Case) -> str:
    # A signature that does not verify is a fault, and no line says that it did.
    checked = "its signature verified" if case.trusted.keys else "its signature not verified"
    key = decision.key_id[:16]
    return f"{decision.verdict} by {decision.approver} at {moment(decision.decided_at)}, key {key}, {checked}"


def _rederived(settings: Settings, proposal: Proposal) -> tuple[list[str], list[str]]:
    """Compute the proposal's expected values again from the evidence that this installation holds."""
    not_here: tuple[list[str], list[str]] = [], ["expected values not computed again: the evidence is not held here"]
    try:
        database = open_database(settings)
    except PlacetError:
        return not_here
    try:
        with database.reading() as tx:
            if tx.controls.get(proposal.tenant, proposal.run_id) is not None:
                return not_here

            def fetch(digest: str, kind: type[BaseModel]) -> BaseModel:
                return tx.artifacts.get_model(digest, kind, tenant=proposal.tenant)

            faults, kept = rederive(
                proposal, fetch, load, ContactFiles(settings.policy_dir), partial(named_source, settings)
            )
            return [*analysed_otherwise(tx, proposal, fetch), *faults], kept
    except StorageError:
        return not_here
    finally:
        database.close()


def analysed_otherwise(
    tx: Transaction, proposal: Proposal, fetch: Callable[[str, type[BaseModel]], BaseModel]
) -> list[str]:
    """Return whether the evidence names the live state that the analysis read; what is not held here is said before."""
    if proposal.reverses is not None or tx.runs.get(proposal.run_id) is None:
        return []
    try:
        evidence = fetch(proposal.evidence, Evidence)
    except StorageError:
        raise
    except PlacetError:
        return []
    if not isinstance(evidence, Evidence):
        raise TypeError("fetch gave another document than was asked for")
    not_compared = "what the analysis read cannot be compared with the evidence"
    try:
        analysed = tx.audit.find(proposal.run_id, "analyse.completed")
    except (GovernanceError, StorageError) as error:
        pass_on_others(error)
        return [f"{not_compared}: {error}"]
    if analysed is not None and (fault := entry_fault(analysed)):
        return [f"{not_compared}: of the entry of the analysis on record, {fault}"]
    return compare_analysed(proposal, evidence, analysed)


def _is_run(target: str) -> bool:
    return not target.endswith(".json")


def _against_record(settings: Settings, verdict: Verdict) -> tuple[list[str], list[str]]:
    """Compare how the history ends, and what it proposed, with our record; return faults, and what was not compared.

    Whoever reaches Temporal can put another history in the place of a run's own.
    """
    not_compared = "the history was not compared with our record"
    try:
        database = open_database(settings)
    except PlacetError as error:
        return [], [f"{not_compared}: {error}"]
    try:
        with database.reading() as tx:
            ended = tx.audit.find(verdict.run_id, ENDED)
            proposed = tx.audit.find(verdict.run_id, PROPOSED)
            known = tx.audit.last(verdict.run_id) is not None
    except (GovernanceError, StorageError) as error:
        return [f"our record of the run cannot be read: {error}"], []
    finally:
        database.close()
    if not known:
        return [], [f"{not_compared}, which has no such run"]
    over = verdict.state in END_STATES
    if ended is None and not over:
        return [], []
    recorded = str(ended.body["state"]) if ended is not None else "not over"
    faults = []
    if recorded != verdict.state:
        faults.append(f"the history ends {verdict.state!r}, our record says that the run is {recorded!r}")
    on_record = proposed.body.get("proposal") if proposed is not None else None
    in_history = digest(verdict.first) if verdict.first is not None else None
    if over and on_record != in_history:
        faults.append(f"our record says that the run proposed {on_record or 'nothing'}, the history is of another one")
    return faults, []


async def _history(settings: Settings, target: str) -> WorkflowHistory:
    if not _is_run(target):
        return load_history(Path(target))
    try:
        TypeAdapter(RunId).validate_python(target)
    except ValidationError:
        line = f"{target!r} is neither a run id nor an exported history, FILE.json; see `placet run list`"
        raise UsageError(line) from None
    engine = await connect(settings)
    return await engine.history(target)
