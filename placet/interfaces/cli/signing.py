"""Where a person's key file lies, and loading it to sign."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from placet.errors import ConfigurationError, PlacetError
from placet.interfaces.cli import output
from placet.interfaces.cli.toolbox import Toolbox
from placet.service.given import person

if TYPE_CHECKING:
    from placet.governance.signing.keys import Signer

_TRIES: Final = 3
"""As often as `sudo` and `ssh` ask."""


def key_path(toolbox: Toolbox, name: str, key_file: Path | None = None) -> Path:
    """Return the private key file of `name`: the one given, or the one in the home folder that bears their name.

    Raises:
        UsageError: `name` is nobody's name; it must not lead out of the folder.
    """
    checked = person(name)
    return key_file or toolbox.home / "keys" / f"{checked}.pem"


def check_signer(toolbox: Toolbox, name: str, key_file: Path | None = None) -> None:
    """Make sure that `name` has a key file here, before they read what they would sign with it.

    Raises:
        UsageError: `name` is nobody's name.
        ConfigurationError: there is none, or others can read it.
    """
    _check_there(toolbox, name, key_path(toolbox, name, key_file))


def load_signer(toolbox: Toolbox, name: str, key_file: Path | None = None) -> "Signer":
    """Open the key of `name`, asking for its passphrase; a person who mistypes it is asked again.

    Raises:
        UsageError: `name` is nobody's name.
        ConfigurationError: the key cannot be opened, or nobody reads any more what is to be signed.
    """
    from placet.governance.signing.keys import NOT_OPENED, Signer, load_key_file

    path = key_path(toolbox, name, key_file)
    _check_there(toolbox, name, path)
    tries = 1 if toolbox.passphrase_is_given else _TRIES
    for left in reversed(range(tries)):
        try:
            key = load_key_file(path, toolbox.passphrase(f"passphrase of {name}'s key"))
            output.check_read()
            return Signer(name, key)
        except ConfigurationError as error:
            if error.code != NOT_OPENED:
                raise
            if not left:
                raise ConfigurationError(f"{error}; {_advice(toolbox, name)}", code=NOT_OPENED) from error
            output.print_notice(f"{error}; try again")
    raise AssertionError("a key is opened or the last try raises")


def _advice(toolbox: Toolbox, name: str) -> str:
    lost = f"a lost passphrase cannot be recovered: `placet keys new {name} --file FILE`, and have that key enrolled"
    return f"check PLACET_KEY_PASSPHRASE, or unset it to be asked; {lost}" if toolbox.passphrase_is_given else lost


def _check_there(toolbox: Toolbox, name: str, path: Path) -> None:
    from placet.governance.signing.keys import check_key_file, is_enrolment_request

    try:
        check_key_file(path)
    except ConfigurationError as error:
        if (_begins(path) if path.is_file() else "") == "{" or (not path.exists() and _has_passkey(toolbox, name)):
            raise _signs_in_console(name) from error
        raise
    if is_enrolment_request(_begins(path)):
        raise _signs_in_console(name)


def _signs_in_console(name: str) -> ConfigurationError:
    return ConfigurationError(
        f"the key of {name!r} is a passkey, which signs in the console; the command line signs with key files alone",
        code="passkey_signs_in_console",
    )


def _begins(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(1).decode(errors="replace")
    except OSError:
        return ""


def _has_passkey(toolbox: Toolbox, name: str) -> bool:
    now = datetime.now(UTC)
    try:
        with toolbox.database().reading() as tx:
            keys = tx.approvers.list(toolbox.tenant)
    except PlacetError:  # what is wrong with the key file is said in any case
        return False
    return any(key.name == name and key.kind == "passkey" and key.counts(now) for key in keys)
