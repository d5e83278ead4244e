"""A proof that entries are on the record: one file, verified with the log's public key and nothing else.

`verify_bundle` answers:
    (1) the checkpoint is signed by a key one trusts, for the log it names;
    (2) each entry's content has the hash it claims, and belongs to that log's tenant;
    (3) each entry stands in the log at its index (RFC 9162 §2.1.3.2), no index twice;
    (4) where the bundle is for a whole stream: its entries are that stream from the first on, without a gap;
    (5) and to the last: the log signed how many there were under this checkpoint (`StreamHead`).
It does not show that the log is the one others were shown: compare its checkpoint with one that was anchored.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from placet.contracts.audit import ENDED, AuditEvent
from placet.contracts.base import Frozen, first_fault
from placet.errors import GovernanceError
from placet.governance.log.chain import entry_hash, verify_chain
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint, origin_of
from placet.governance.log.merkle import PROOF_INVALID, leaf_hash, verify_inclusion
from placet.governance.log.notes import VerifierKey, decode_base64, open_note, sign_note
from placet.governance.signing.keys import SigningKey
from placet.governance.signing.plain_json import read_json

# The first line keeps the text from being read as a checkpoint's, which the same key signs: there, a size comes second.
_FORM: Final = "placet-stream-head/v1"

Standing = Literal["complete", "up_to_entry", "one_entry"]
"""What a bundle that verified holds: a run to its end, a stream that may go on, or one entry of a stream."""


@dataclass(frozen=True, slots=True)
class StreamHead:
    """How far a stream reached under a checkpoint: what tells a whole record from one that was cut.

    An inclusion proof shows that an entry is in the log, not that no other of its stream is. Who has the log key signs
    this, bound to the checkpoint, so that neither the end of a stream nor an older statement can be passed off as all.

    Attributes:
        checkpoint: Under which.
        stream: The stream, e.g. a run.
        length: Number of its entries.
        last: Hash of the last one, which commits to those before it.
    """

    checkpoint: Checkpoint
    stream: str
    length: int
    last: str

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{_FORM}\n{self.checkpoint.text()}{self.stream}\n{self.length}\n{self.last}\n"


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
        stream: Set when the bundle holds a whole stream, e.g. a run; None for a single entry.
        head: What the log signed of that stream: how far it reached; None for a single entry.
        checkpoint: The signed checkpoint (c2sp.org/tlog-checkpoint).
    """

    format: Literal["placet-audit-proof/v2"] = "placet-audit-proof/v2"
    stream: str | None
    head: str | None = None
    checkpoint: str
    entries: Annotated[tuple[ProvenEntry, ...], Field(min_length=1)]

    @property
    def standing(self) -> Standing:
        """What the bundle holds, once it verified."""
        if self.stream is None:
            return "one_entry"
        return "complete" if any(proven.entry.kind == ENDED for proven in self.entries) else "up_to_entry"


def leaf_of(entry_digest: str) -> bytes:
    """Return an entry's leaf in its tenant's log: the leaf hash over the 32 bytes of the entry's own hash.

    The log commits to an entry's hash and not to its text, so that a proof still verifies where the content may
    no longer be shown.
    """
    return leaf_hash(bytes.fromhex(entry_digest))


def encode_proof(hashes: Sequence[bytes]) -> tuple[str, ...]:
    """Return a proof in the form in which a bundle carries it."""
    return tuple(base64.b64encode(digest).decode() for digest in hashes)


def sign_head(checkpoint: Checkpoint, events: Sequence[AuditEvent], key: SigningKey) -> str:
    """Sign that `events` are all that the log of `checkpoint` has of their stream; returns the note."""
    last = events[-1]
    head = StreamHead(checkpoint, last.stream, len(events), last.hash)
    return sign_note(head.text(), checkpoint.origin, key.private)


def parse_bundle(text: str) -> ProofBundle:
    """Read a bundle without trusting anything in it.

    Raises:
        GovernanceError: code `proof_invalid`; it is not one.
    """
    try:
        # Who reads the file with another reader, which takes the first of two, must see the same.
        read_json(text, once_each=True)
        return ProofBundle.model_validate_json(text)
    except ValidationError as error:
        raise GovernanceError(f"not a proof bundle: {first_fault(error)}", code=PROOF_INVALID) from error
    except json.JSONDecodeError as error:
        raise GovernanceError("not a proof bundle: it is no JSON", code=PROOF_INVALID) from error
    except ValueError as error:
        raise GovernanceError(f"not a proof bundle: {error}", code=PROOF_INVALID) from error


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
        _verify_stream(bundle, bundle.stream, checkpoint, keys)
    elif len(bundle.entries) > 1:
        raise GovernanceError("the bundle has several entries and names no stream they are of", code=PROOF_INVALID)
    return checkpoint


def _verify_stream(bundle: ProofBundle, stream: str, checkpoint: Checkpoint, keys: Sequence[VerifierKey]) -> None:
    if {proven.entry.stream for proven in bundle.entries} != {stream}:
        raise GovernanceError(f"the bundle has entries of other streams than {stream!r}", code=PROOF_INVALID)
    verify_chain(proven.entry for proven in bundle.entries)
    if bundle.head is None:
        raise GovernanceError(
            f"the bundle does not say how far stream {stream!r} reached: its log's signature on that is missing",
            code=PROOF_INVALID,
        )
    own_keys = [key for key in keys if key.name == checkpoint.origin]
    shown = StreamHead(checkpoint, stream, len(bundle.entries), bundle.entries[-1].entry.hash)
    if open_note(bundle.head, own_keys) != shown.text():
        raise GovernanceError(
            f"the bundle holds entries 1 to {shown.length} of stream {stream!r}, "
            f"which is not all its log had of it under the checkpoint of {checkpoint.size}: it was cut",
            code=PROOF_INVALID,
        )


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
