"""Checkpoints: the signed head of a log (c2sp.org/tlog-checkpoint v1.0.0).

A log signs its size and its root. Whoever keeps one checkpoint can tell for ever after whether the log they are shown
is the one that was signed, longer by what was appended since.
"""

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.contracts.text import shortened
from placet.errors import GovernanceError
from placet.governance.log.merkle import EMPTY_ROOT, HASH_BYTES
from placet.governance.log.notes import NOTE_MALFORMED, VerifierKey, decode_base64, open_note, sign_note, untrusted_text

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_LARGEST_SIZE = 2**63 - 1
_HEAD_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says about itself.

    Attributes:
        origin: Name of the log: `<installation>/<tenant>`, without scheme.
        size: Number of entries.
        root: Root of the tree over them, 32 bytes (RFC 9162 §2.1.1).
    """

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def origin_of(log_name: str, tenant: str) -> str:
    """Return the origin of a tenant's log at the installation called `log_name`."""
    return f"{log_name}/{tenant}"


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint; extension lines are permitted and ignored.

    Raises:
        GovernanceError: code `note_malformed`.
    """
    lines = text.split("\n")
    origin, size, root, *extensions = lines if len(lines) > _HEAD_LINES else ["", "", "", ""]
    fault = None
    if not origin or extensions[-1] or not all(extensions[:-1]):
        fault = "it is not lines of origin, size and root"
    elif not _SIZE.fullmatch(size) or int(size) > _LARGEST_SIZE:
        fault = f"its size {shortened(size, 40)!r} is not a number of entries"
    else:
        try:
            digest = decode_base64(root)
        except ValueError:
            digest = b""
        if len(digest) != HASH_BYTES:
            fault = f"its root {shortened(root, 60)!r} is not a SHA-256 in base64"
        elif size == "0" and digest != EMPTY_ROOT:
            fault = "its size is 0 and its root is not that of the empty tree"
        else:
            return Checkpoint(origin, int(size), digest)
    raise GovernanceError(f"not a checkpoint: {fault}", code=NOTE_MALFORMED)


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519PrivateKey) -> str:
    """Sign `checkpoint` under the name of its origin; returns the note."""
    return sign_note(checkpoint.text(), checkpoint.origin, key)


def open_checkpoint(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    """Verify a signed checkpoint: a trusted key of the log it names signed it.

    Raises:
        GovernanceError: code `note_malformed`, `bad_signature` or `note_unsigned`.
    """
    claimed = parse_checkpoint(untrusted_text(note))
    # A key is trusted for its own log alone: what another log's key signed about this one counts for nothing.
    return parse_checkpoint(open_note(note, [key for key in keys if key.name == claimed.origin]))
