"""Where a person's key file lies, and loading it to sign."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from placet.contracts.base import PersonName, first_fault
from placet.contracts.text import NAME, shortened
from placet.errors import UsageError
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.governance.signing.keys import Signer


def key_path(toolbox: Toolbox, name: str, key_file: Path | None = None) -> Path:
    """Return the private key file of `name`: the one given, or the one in the home folder that bears their name.

    Raises:
        UsageError: `name` is nobody's name; it must not lead out of the folder.
    """
    try:
        checked = TypeAdapter(PersonName).validate_python(name)
    except ValidationError as error:
        raise UsageError(f"malformed name {shortened(name, NAME)!r}: {first_fault(error)}") from error
    return key_file or toolbox.home / "keys" / f"{checked}.pem"


def load_signer(toolbox: Toolbox, name: str, key_file: Path | None = None) -> "Signer":
    """Open the key of `name`, asking for its passphrase.

    Raises:
        UsageError: `name` is nobody's name.
        ConfigurationError: the key cannot be opened.
    """
    from placet.governance.signing.keys import Signer, load_key_file

    path = key_path(toolbox, name, key_file)
    return Signer(name, load_key_file(path, toolbox.passphrase(f"passphrase of {name}'s key")))
