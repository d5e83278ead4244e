"""One signature over many proposals, and what makes it count for one of them. Rules only, as in `approvals`.

The approver signs a `Batch`: the RFC 9162 tree head over its members and what all of them have in common. Each run is
sent that envelope with its own inclusion proof, and nothing of the others. Invariants, in the order they are checked:
 (1) the text is one JSON object of a batch and a membership, at most 16 KB;
 (2) the batch is a signed document of this tenant (`placet.governance.signing.signed`, all of its invariants);
 (3) a proposal is being decided: an unknown outcome is settled one by one;
 (4) this run, with this very proposal digest, is the member that the proof says;
 (5) it was signed while the gate was open, and the gate is still open;
 (6) this proposal is within the bounds that the signer stated.
The caller still owes that policy entitles the signer for this proposal, and single use of the decision id. The bound on
the total cost is beyond what one run can check: whoever prepares the batch adds the costs up before the signature.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from placet.contracts.base import Frozen, first_fault
from placet.contracts.gate import Gate
from placet.contracts.people.approver import EnrolledKey
from placet.contracts.people.batch import MOST_IN_BATCH, Batch, BatchBounds, BatchMember, Membership
from placet.contracts.people.decision import MAX_ENVELOPE_BYTES, AcceptedDecision, Phase
from placet.contracts.proposal import Proposal
from placet.contracts.run import RunRequest
from placet.errors import DecisionRefused, GovernanceError
from placet.governance.approvals import check_time
from placet.governance.log.merkle import MemoryTree, leaf_hash, verify_inclusion
from placet.governance.signing.canonical import canonical_bytes, digest, sha256_hex
from placet.governance.signing.dsse import Envelope, parse, unverified_payload
from placet.governance.signing.signed import check_size, read_document, sign_document, verify_document

NOT_IN_BATCH = "not_in_batch"
"""Code of the refusal of a run that the signer did not list, or not with this proposal."""

OUTSIDE_BATCH = "outside_batch"
"""Code of the refusal of a proposal that differs from what the signer said of all of them."""


class BatchedDecision(Frozen):
    """What one run is sent.

    Attributes:
        batch: The signed batch, the same for every member.
        member: This run's proof that it is one.
    """

    batch: Envelope
    member: Membership


class MemberTree:
    """The members in the order of their run ids, and the tree over them.

    Args:
        members: One to `MOST_IN_BATCH` members, in any order.

    Raises:
        ValueError: they are none, too many, or name a run twice.
    """

    __slots__ = ("_tree", "members")

    def __init__(self, members: Sequence[BatchMember]) -> None:
        if not 1 <= len(members) <= MOST_IN_BATCH:
            raise ValueError(f"a batch has 1 to {MOST_IN_BATCH} members, not {len(members)}")
        self.members = tuple(sorted(members, key=lambda member: member.run_id))
        for before, member in zip(self.members, self.members[1:], strict=False):
            if before.run_id == member.run_id:
                raise ValueError(f"run {member.run_id!r} is in the batch twice")
        self._tree = MemoryTree(member_leaf(member) for member in self.members)

    @property
    def size(self) -> int:
        """Number of members."""
        return self._tree.size

    @property
    def root(self) -> str:
        """The tree head, in hexadecimal."""
        return self._tree.root.hex()

    def membership(self, index: int) -> Membership:
        """Return the inclusion proof of the member at `index`."""
        return Membership(index=index, path=tuple(node.hex() for node in self._tree.inclusion(index)))


def member_leaf(member: BatchMember) -> bytes:
    """Return the leaf of a member: the RFC 9162 leaf hash of its RFC 8785 form."""
    return leaf_hash(canonical_bytes(member))


def sign_batch(batch: Batch, tree: MemberTree, key: Ed25519PrivateKey, key_id: str) -> dict[str, str]:
    """Sign `batch` once; returns for each run id the one line of JSON that run is to be sent.

    Raises:
        ValueError: `batch` is not about `tree`.
        GovernanceError: code `too_large`; its bounds and reason are too long for the runs to read it.
    """
    return shares(batch, tree, sign_document(batch, key, key_id))


def shares(batch: Batch, tree: MemberTree, envelope: str) -> dict[str, str]:
    """Return for each run id the one line of JSON that run is to be sent of the signed `batch`.

    Raises:
        ValueError: `batch` is not about `tree`.
        GovernanceError: code `too_large`; its bounds and reason are too long for the runs to read it.
    """
    if (batch.size, batch.root) != (tree.size, tree.root):
        raise ValueError(f"the batch is about {batch.size} members under {batch.root[:16]}, not about these members")
    return dict(_texts(envelope, tree))


def _texts(envelope: str, tree: MemberTree) -> Iterator[tuple[str, str]]:
    signed = json.loads(envelope)
    for index, member in enumerate(tree.members):
        own = {"batch": signed, "member": tree.membership(index).model_dump(mode="json")}
        text = json.dumps(own, sort_keys=True, separators=(",", ":"))
        if len(text) > MAX_ENVELOPE_BYTES:
            raise GovernanceError(
                f"the signed batch would be {len(text)} bytes and runs read {MAX_ENVELOPE_BYTES}; "
                "state fewer treatments or a shorter reason",
                code="too_large",
            )
        yield member.run_id, text


def is_batched(text: str) -> bool:
    """Return whether `text` claims to be a member's share of a batch.

    Only `verify_batched` says whether it counts.
    """
    try:
        check_size(text)
        value = json.loads(text)
    except (DecisionRefused, ValueError, RecursionError):
        return False
    return isinstance(value, dict) and "batch" in value


def envelope_in(text: str) -> Envelope:
    """Return the envelope that was signed: that of a batch, where `text` is a member's share of one.

    Raises:
        DecisionRefused: it is neither an envelope nor a share.
    """
    return _parse(text).batch if is_batched(text) else parse(text)


def verify_batched(
    text: str,
    *,
    run: RunRequest,
    proposal_digest: str,
    proposal: Proposal,
    gate: Gate,
    phase: Phase,
    now: datetime,
    find_key: Callable[[str], EnrolledKey | None],
) -> tuple[AcceptedDecision, EnrolledKey]:
    """Check invariants (1) to (6) for the pending `proposal`, whose digest is `proposal_digest`.

    The caller still owes policy, single use of the decision id, and the roles the approver acts in.

    Raises:
        DecisionRefused: with the code of the first check that failed.
    """
    own = _parse(text)
    verified = verify_document(_signed(own), Batch, tenant=run.tenant, now=now, find_key=find_key)
    batch = verified.document
    if phase != "decide":
        raise DecisionRefused(
            f"a batch cannot {batch.verdict} where an unknown outcome is to be settled; settle the run by itself",
            code="wrong_verdict",
        )
    _check_membership(batch, own.member, BatchMember(run_id=run.run_id, proposal=proposal_digest))
    check_time(batch.signed_at, gate, phase, now)
    check_bounds(batch.bounds, proposal)
    accepted = AcceptedDecision(
        verdict=batch.verdict,
        approver=batch.signer,
        key_id=verified.key.key_id,
        decision_id=decision_id(batch, run.run_id),
        decided_at=batch.signed_at,
        reason=batch.reason,
        proposal=proposal_digest,
        roles=(),
        batch=batch.root,
        envelope_digest=sha256_hex(text.encode()),
    )
    return accepted, verified.key


def check_for_run(shared: BatchedDecision, member: BatchMember) -> None:
    """Check that a share is this member's, whoever signed the batch.

    Raises:
        DecisionRefused: it is another's, or of no batch.
    """
    _check_membership(read_document(unverified_payload(shared.batch), Batch), shared.member, member)


def read_batched(text: str, member: BatchMember) -> tuple[Batch, Envelope]:
    """Read what a run was sent, for an auditor: the batch that provably has `member`, and its envelope.

    The signature is the caller's to verify.

    Raises:
        DecisionRefused: the text is no share of a batch, or not this member's.
    """
    own = _parse(text)
    batch = read_document(unverified_payload(own.batch), Batch)
    _check_membership(batch, own.member, member)
    return batch, own.batch


def decision_id(batch: Batch, run_id: str) -> str:
    """Return a member's decision id: one signature decides each of its runs once.

    Nobody else can use it up, though each share shows the document id: the signer is part of it, and with 64 digits
    it is longer than any id that can be chosen for a decision on a single proposal.
    """
    return digest({"signer": batch.signer, "document_id": batch.document_id, "run_id": run_id})


def check_bounds(bounds: BatchBounds, proposal: Proposal) -> None:
    """Check that `proposal` is what the signer said of every member.

    Raises:
        DecisionRefused: code `outside_batch`; it is not.
    """
    kind, cost = proposal.mutation.kind, proposal.cost
    if proposal.agent != bounds.agent:
        fault = f"is agent {proposal.agent!r}'s, the batch is for {bounds.agent!r}"
    elif kind not in bounds.kinds:
        fault = f"is of kind {kind!r}, the batch is for {', '.join(bounds.kinds)}"
    elif proposal.treatment not in bounds.treatments:
        fault = f"is treatment {proposal.treatment!r}, the batch is for {', '.join(bounds.treatments)}"
    elif cost.currency != bounds.max_cost.currency:
        fault = f"costs {cost}, the batch is in {bounds.max_cost.currency}"
    elif cost.amount_minor > bounds.max_cost.amount_minor:
        fault = f"costs {cost}, the batch is for at most {bounds.max_cost} each"
    elif cost.amount_minor > bounds.total_cost.amount_minor:
        fault = f"costs {cost}, the batch is for at most {bounds.total_cost} together"
    else:
        return
    raise DecisionRefused(f"the proposal {fault}", code=OUTSIDE_BATCH)


def signed_part(text: str) -> str:
    """Return the envelope that was signed: of a member's share that of its batch, of anything else the text itself.

    Raises:
        DecisionRefused: it claims to be a share of a batch, and is none.
    """
    return _signed(_parse(text)) if is_batched(text) else text


def _signed(own: BatchedDecision) -> str:
    return json.dumps(own.batch.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


def _parse(text: str) -> BatchedDecision:
    check_size(text)
    try:
        return BatchedDecision.model_validate_json(text)
    except ValidationError as error:
        raise DecisionRefused(f"not a batched decision: {first_fault(error)}", code="malformed") from error


def _check_membership(batch: Batch, proof: Membership, member: BatchMember) -> None:
    path = [bytes.fromhex(node) for node in proof.path]
    try:
        verify_inclusion(member_leaf(member), proof.index, batch.size, path, bytes.fromhex(batch.root))
    except GovernanceError as error:
        raise DecisionRefused(
            f"run {member.run_id!r} with proposal {member.proposal[:16]} is not number {proof.index + 1} "
            f"of the batch of {batch.size} that was signed",
            code=NOT_IN_BATCH,
        ) from error
