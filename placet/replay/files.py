"""The files an auditor brings and takes away: exported histories, public keys, signed mandates."""

import base64
import json
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.json_format import ParseError
from pydantic import TypeAdapter, ValidationError
from temporalio.client import WorkflowHistory

from placet.contracts.base import PersonName
from placet.contracts.people.passkey import Passkey
from placet.errors import ConfigurationError, DecisionRefused, UsageError
from placet.files import LARGEST_GIVEN, read_given, write_file
from placet.governance.signing import dsse
from placet.governance.signing.canonical import sha256_hex
from placet.governance.signing.keys import (
    is_enrolment_request,
    key_id_of,
    parse_enrolment_request,
    parse_public_key,
)
from placet.governance.signing.plain_json import read_json
from placet.replay.trust import Trusted

LARGEST_HISTORY = 256 * 1024 * 1024
"""In bytes: Temporal ends a workflow at 50 MB of history, and JSON has it in base64 and words."""


def load_history(path: Path) -> WorkflowHistory:
    """Read an exported history.

    Raises:
        UsageError: the file is missing or not one.
    """
    try:
        data = read_json(_text(path, "history file", LARGEST_HISTORY), once_each=True)
        return WorkflowHistory.from_json(str(data["workflowId"]), data["history"])
    except (ValueError, KeyError, TypeError, ParseError) as error:
        fault = f": {error}" if type(error) is ValueError else ""
        raise UsageError(f"{str(path)!r} is not a history exported by `placet replay --export`{fault}") from error


def write_history(path: Path, history: WorkflowHistory) -> None:
    """Export a history.

    Raises:
        ConfigurationError: the file cannot be written, or a link or a device is in its place.
    """
    document = {"workflowId": history.workflow_id, "history": json.loads(history.to_json())}
    write_file(path, json.dumps(document, indent=1) + "\n")


def load_trusted(public_keys: Sequence[Path], mandates: Sequence[Path]) -> Trusted:
    """Read what signatures are to be verified by.

    Args:
        public_keys: `FILE`, or `NAME=FILE` to say as well whose key it is; a `.pub` file, or a passkey's enrolment
            request.
        mandates: Signed documents of mandates, as they are kept in the artifact store.

    Raises:
        UsageError: a file cannot be read, or NAME is no person's name.
        ConfigurationError: a file holds no public key.
    """
    keys: dict[str, bytes] = {}
    holders: dict[str, str] = {}
    passkeys: dict[str, Passkey] = {}
    for given in public_keys:
        name, path = _named(given)
        text = _text(path, "public key file", LARGEST_GIVEN)
        if is_enrolment_request(text):
            request = parse_enrolment_request(text)
            raw = base64.b64decode(request.public_key)
            passkeys[request.key_id] = request.passkey
        else:
            raw = parse_public_key(text)
        keys[key_id_of(raw)] = raw
        if name is not None:
            holders[key_id_of(raw)] = name
    texts = map(_signed_text, mandates)
    return Trusted(keys, holders, {sha256_hex(text.encode()): text for text in texts}, passkeys)


def _signed_text(path: Path) -> str:
    text = _text(path, "mandate file", LARGEST_GIVEN).rstrip()
    try:
        dsse.parse(text)
    except (DecisionRefused, ValueError, RecursionError) as error:
        raise UsageError(f"mandate file {str(path)!r} is no signed document; a draft proves nothing") from error
    return text


def _named(given: Path) -> tuple[str | None, Path]:
    name, equals, rest = str(given).partition("=")
    if not equals or given.exists():
        return None, given
    try:
        return TypeAdapter(PersonName).validate_python(name), Path(rest)
    except ValidationError as error:
        raise UsageError(f"{name!r} in {str(given)!r} is no person's name; write NAME=FILE or FILE") from error


def _text(path: Path, what: str, most: int) -> str:
    try:
        return read_given(path, what, most=most)
    except ConfigurationError as error:
        raise UsageError(str(error)) from error
