"""A proof that entries are on the record: one file, verified with the log's public key and nothing else.

`verify_bundle` answers:
    (1) the checkpoint is signed by a key one trusts, for the log it names;
    (2) each entry's content has the hash it claims, and belongs to that log's tenant;
    (3) each entry stands in the log at its index (RFC 9162 §2.1.3.2), no index twice;
    (4) where the bundle is for a whole stream: its entries are that stream from the first on, without a gap.
It does not show that the log is the one others were shown: compare its checkpoint with one that was anchored.
"""

import base64
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from placet.contracts.audit import AuditEvent
from placet.contracts.base import Frozen, first_fault
from placet.errors import GovernanceError
from placet.governance.log.chain import entry_hash, verify_chain
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint, origin_of
from placet.governance.log.merkle import PROOF_INVALID, leaf_hash, verify_inclusion
from placet.governance.log.notes import VerifierKey, decode_base64


class ProvenEntry(Frozen):
    """One entry, with the path from it to the root.

    Attributes:
        index: Place in the tenant's log, from 0.
        proof: Inclusion proof, from the leaf's sibling upwards; each hash in base64.
    """

    entry: AuditEvent
    index: Annotated[int, Field(ge=0)]
    proof: tuple[str, ...]


class ProofBundle(Frozen):
    """Entries of one log and the signed checkpoint they are proven against.

    Attributes:
        stream: Set when the bundle holds a whole stream, e.g. a run; None for single entries.
        checkpoint: The signed checkpoint (c2sp.org/tlog-checkpoint).
    """

    format: Literal["placet-audit-proof/v1"] = "placet-audit-proof/v1"
    stream: str | None
    checkpoint: str
    entries: Annotated[tuple[ProvenEntry, ...], Field(min_length=1)]


def leaf_of(entry_digest: str) -> bytes:
    """The leaf an entry is in its tenant's log: the leaf hash over the 32 bytes of the entry's own hash.

    The log commits to an entry's hash and not to its text, so that a proof still verifies where the content may
    no longer be shown.
    """
    return leaf_hash(bytes.fromhex(entry_digest))


def encode_proof(hashes: Sequence[bytes]) -> tuple[str, ...]:
    """A proof as a bundle carries it."""
    return tuple(base64.b64encode(digest).decode() for digest in hashes)


def parse_bundle(text: str) -> ProofBundle:
    """Read a bundle without trusting anything in it.

    Raises:
        GovernanceError: code `proof_invalid`; it is not one.
    """
    try:
        return ProofBundle.model_validate_json(text)
    except ValidationError as error:
        raise GovernanceError(f"not a proof bundle: {first_fault(error)}", code=PROOF_INVALID) from error


def verify_bundle(bundle: ProofBundle, keys: Sequence[VerifierKey]) -> Checkpoint:
    """Verify a bundle by the log keys one trusts; returns the checkpoint it rests on.

    Raises:
        GovernanceError: code `note_malformed`, `note_unsigned`, `bad_signature`: the checkpoint;
            `proof_invalid`: an entry is not the one in the log; `audit_broken`: the stream has a gap.
    """
    checkpoint = open_checkpoint(bundle.checkpoint, keys)
    for proven in bundle.entries:
        _verify_entry(proven, checkpoint)
    if len({proven.index for proven in bundle.entries}) < len(bundle.entries):
        raise GovernanceError("the bundle has two entries with one index", code=PROOF_INVALID)
    if bundle.stream is not None:
        if {proven.entry.stream for proven in bundle.entries} != {bundle.stream}:
            raise GovernanceError(f"the bundle has entries of other streams than {bundle.stream!r}", code=PROOF_INVALID)
        verify_chain(proven.entry for proven in bundle.entries)
    return checkpoint


def _verify_entry(proven: ProvenEntry, checkpoint: Checkpoint) -> None:
    entry = proven.entry
    where = f"entry {entry.seq} of {entry.stream!r}"
    log_name = checkpoint.origin.removesuffix(f"/{entry.tenant}")
    if origin_of(log_name, entry.tenant) != checkpoint.origin:
        raise GovernanceError(
            f"{where} is of tenant {entry.tenant!r}, the checkpoint of log {checkpoint.origin!r}", code=PROOF_INVALID
        )
    try:
        intact = entry_hash(entry) == entry.hash
    except ValueError:
        intact = False
    if not intact:
        raise GovernanceError(f"{where}: its content does not match its hash {entry.hash!r}", code=PROOF_INVALID)
    try:
        hashes = [decode_base64(line) for line in proven.proof]
    except ValueError as error:
        raise GovernanceError(f"{where}: its proof is not base64", code=PROOF_INVALID) from error
    verify_inclusion(leaf_of(entry.hash), proven.index, checkpoint.size, hashes, checkpoint.root)
