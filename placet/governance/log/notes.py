"""Signed notes, as transparency logs and their witnesses exchange them (c2sp.org/signed-note v1.0.0).

Two of its signature types: 0x01, Ed25519 over the text, and 0x04, a witness's timestamped Ed25519 cosignature of a
checkpoint (c2sp.org/tlog-cosignature). The text of a note is worth nothing until `open_note` returned it.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from placet.contracts.text import NAME, shortened
from placet.errors import ConfigurationError, GovernanceError
from placet.governance.signing.keys import public_bytes

ED25519: Final = 0x01
"""Signature type: Ed25519 over the note's text."""

COSIGNATURE: Final = 0x04
"""Signature type: a witness's Ed25519 cosignature with its time."""

NOTE_MALFORMED: Final = "note_malformed"
NOTE_UNSIGNED: Final = "note_unsigned"
BAD_SIGNATURE: Final = "bad_signature"

_MOST_BYTES = 1_000_000
_MOST_SIGNATURES = 100
_KEY_ID_BYTES = 4
_ED25519_KEY_BYTES = 32
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_VKEY_ID = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A key one trusts, under the name it signs with.

    Attributes:
        name: Key name: not empty, without spaces and plus signs; a log's is its origin.
        public_key: 32 bytes (RFC 8032).
        kind: Signature type it makes: 0x01 for a log, 0x04 for a witness.
    """

    name: str
    public_key: bytes
    kind: int = ED25519

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise ConfigurationError(f"{self.name!r} is not a key name: no spaces, no plus sign, not empty")
        if self.kind not in {ED25519, COSIGNATURE} or len(self.public_key) != _ED25519_KEY_BYTES:
            raise ConfigurationError(
                f"key {self.name!r} is of signature type 0x{self.kind:02x}; Ed25519 (0x01, 0x04) is needed"
            )

    @property
    def key_id(self) -> bytes:
        """The four bytes by which signature lines name this key."""
        named = self.name.encode() + b"\n" + bytes([self.kind]) + self.public_key
        return hashlib.sha256(named).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        """Return the vkey: `<name>+<key id>+<base64 of type and key>`."""
        material = base64.b64encode(bytes([self.kind]) + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    @classmethod
    def parse(cls, vkey: str) -> "VerifierKey":
        """Read a vkey.

        Raises:
            ConfigurationError: it is not one, its id does not fit, or it is of a type we do not verify.
        """
        parts = vkey.strip().split("+", 2)
        try:
            name, key_id, encoded = parts
            material = decode_base64(encoded)
        except ValueError as error:
            raise ConfigurationError(
                f"{shortened(vkey.strip(), NAME)!r} is not a verifier key: name+id+base64"
            ) from error
        if not _VKEY_ID.fullmatch(key_id) or not material:
            raise ConfigurationError(f"{shortened(vkey.strip(), NAME)!r} is not a verifier key: name+id+base64")
        key = cls(name, material[1:], material[0])
        if key.key_id.hex() != key_id:
            raise ConfigurationError(
                f"verifier key {name!r} has id {key.key_id.hex()!r}, not {key_id!r}: it was altered"
            )
        return key


def sign_note(text: str, name: str, key: Ed25519PrivateKey) -> str:
    """Sign `text` as `name` with Ed25519; returns the note.

    Raises:
        ValueError: the text does not end in a newline, is not valid UTF-8, or has control characters.
        ConfigurationError: `name` is not a key name.
    """
    if not text.endswith("\n") or _CONTROL.search(text):
        raise ValueError("a note's text ends in a newline and has no other control characters")
    verifier = VerifierKey(name, public_bytes(key.public_key()))
    signature = base64.b64encode(verifier.key_id + key.sign(text.encode())).decode()
    return f"{text}\n— {name} {signature}\n"


def open_note(note: str, keys: Iterable[VerifierKey]) -> str:
    """Verify a note by the keys one trusts, and return its text; signatures of other keys are ignored.

    Raises:
        GovernanceError: code `note_malformed`; `bad_signature`: a line of a trusted key does not verify;
            `note_unsigned`: no trusted key signed it.
    """
    text, lines = _split(note)
    known = {(key.name, key.key_id): key for key in keys}
    verified: set[tuple[str, bytes]] = set()
    for name, key_id, signature in lines:
        key = known.get((name, key_id))
        if key is None or (name, key_id) in verified:
            continue
        _verify(text, signature, key)
        verified.add((name, key_id))
    if not verified:
        trusted = ", ".join(sorted({str(key) for key in known.values()})) or "none"
        raise GovernanceError(f"it is not signed by a key that is trusted here ({trusted})", code=NOTE_UNSIGNED)
    return text


def untrusted_text(note: str) -> str:
    """Return the text of a note that was not verified; use it only to find the key to verify it with.

    Raises:
        GovernanceError: code `note_malformed`.
    """
    return _split(note)[0]


def add_signatures(note: str, lines: str) -> str:
    """Return the note with the signature lines that a witness answered with at its end.

    Raises:
        GovernanceError: code `note_malformed`; they are not signature lines.
    """
    cosigned = note + lines
    text, _ = _split(note)
    if not lines or _split(cosigned)[0] != text:
        raise GovernanceError(f"{shortened(lines, NAME)!r} is not a sequence of signature lines", code=NOTE_MALFORMED)
    return cosigned


def decode_base64(text: str) -> bytes:
    """Decode standard base64 (RFC 4648 §4); accept only the form that encoding yields.

    Raises:
        ValueError: it is not that.
    """
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not the canonical base64")
    return data


def _split(note: str) -> tuple[str, Sequence[tuple[str, bytes, bytes]]]:
    fault = None
    if len(note.encode(errors="replace")) > _MOST_BYTES:
        fault = f"it is longer than {_MOST_BYTES} bytes"
    elif any("\ud800" <= character <= "\udfff" for character in note):
        fault = "it is not UTF-8"
    elif _CONTROL.search(note):
        fault = "it has control characters"
    text, blank, signatures = note.rpartition("\n\n")
    if fault is None and not (blank and signatures.endswith("\n")):
        fault = "it has no signature after an empty line"
    lines = signatures.removesuffix("\n").split("\n")
    if fault is None and len(lines) > _MOST_SIGNATURES:
        fault = f"it has more than {_MOST_SIGNATURES} signatures"
    if fault is not None:
        raise GovernanceError(f"not a signed note: {fault}", code=NOTE_MALFORMED)
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    dash, _, rest = line.partition(" ")
    name, _, encoded = rest.partition(" ")
    try:
        data = decode_base64(encoded)
    except ValueError:
        data = b""
    if dash != "—" or not _is_name(name) or len(data) <= _KEY_ID_BYTES:
        raise GovernanceError(
            f"not a signed note: {shortened(line, NAME)!r} is not a signature line", code=NOTE_MALFORMED
        )
    return name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:]


def _verify(text: str, signature: bytes, key: VerifierKey) -> None:
    message = text.encode()
    if key.kind == COSIGNATURE:
        # The time is the first 8 bytes of the signature, and a line of what was signed.
        time = int.from_bytes(signature[:8], "big")
        message, signature = f"cosignature/v1\ntime {time}\n".encode() + message, signature[8:]
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise GovernanceError(
            f"the signature of {key.name!r} does not match what it stands under", code=BAD_SIGNATURE
        ) from error


def _is_name(name: str) -> bool:
    return bool(name) and not any(character.isspace() or character == "+" or character < " " for character in name)
