"""How results look on a terminal. JSON output is the models' own; nothing here computes.

On a terminal, lines are as wide as it is: what does not fit goes on below, broken between words and indented. Piped
into another program a line stays whole, so that it can be searched and cut, whatever COLUMNS says: every program that
has loaded readline hands COLUMNS on, and nobody meant it. The reports that are made to be read (`placet doctor`,
`placet policy explain`) honour COLUMNS there; tables and the view of a proposal are laid out for it, or for 80 columns.
Dates are never broken.
"""

import json
import re
import select
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from placet.contracts.text import one_line, shortened, visible
from placet.contracts.times import minute
from placet.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console
    from rich.table import Table

    from placet.contracts.audit import AuditEvent
    from placet.contracts.proposal import Proposal
    from placet.storage.governance.approvers import ListedKey


_NARROWEST = 40
"""Columns that a line of ours gets at least."""

_ERROR = 1000
"""Bound of an error's line, in characters."""

_DATE = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d)")

_NAMES = 10
"""Width of the names before values, in columns."""


def print_line(text: str) -> None:
    """Print one line; foreign text in it stays in it.

    What does not fit goes on indented: no part of it can pass for a line of ours.
    """
    _print(visible(text), 4 + len(text) - len(text.lstrip(" ")))


def print_report(text: str) -> None:
    """Print one line of a report, which goes on below its value; COLUMNS counts although it is piped."""
    line = visible(text)
    leading = len(line) - len(line.lstrip(" "))
    sys.stdout.write(wrapped(line, leading + 2 if leading else _NAMES) + "\n")
    sys.stdout.flush()


def print_lines(lines: Iterable[str], *, none: str) -> None:
    """Print what a list has, a line each; `none` where it has nothing."""
    empty = True
    for line in lines:
        print_line(line)
        empty = False
    if empty:
        print_line(none)


def print_field(name: str, text: str) -> None:
    """Print a named value in one line, which continues below the value on a terminal."""
    # A longer name has a space after it, too.
    _print(f"{name:<{_NAMES - 1}} {visible(text)}", _NAMES)


def print_grouped(lines: Iterable[tuple[str, str, str]]) -> None:
    """Print named values of several groups: each group's name once, its values below it, in line with each other."""
    rows, last = list(lines), None
    width = max((len(heading) for _, heading, _ in rows), default=0) + 4
    for group, heading, words in rows:
        if group != last:
            _print(visible(group), _NAMES)
            last = group
        _print(f"  {visible(heading):<{width - 4}}  {visible(words)}", width)


def print_text(text: str) -> None:
    """Print lines that another program reads (JSON, a checkpoint, a signed document), as they are."""
    sys.stdout.write("".join(visible(line) + "\n" for line in text.split("\n")))
    sys.stdout.flush()


def print_error(text: str) -> None:
    """Print the one line on stderr that says what went wrong."""
    sys.stderr.write(f"placet: {one_line(text, _ERROR)}\n")
    sys.stderr.flush()


def print_notice(text: str) -> None:
    """Print one line on stderr, beside what a command writes for another program."""
    sys.stderr.write(visible(text) + "\n")
    sys.stderr.flush()


def write_file(path: "Path", text: str) -> None:
    """Write a result to a file a person named.

    Raises:
        ConfigurationError: it cannot be written, or a link or a device is in its place.
    """
    from placet import files

    files.write_file(path, text)


def print_json(value: Any) -> None:
    """Print indented JSON: the exact text, escaped to ASCII."""
    print_text(json.dumps(value, indent=2))


def console(*, beside: bool = False) -> "Console":
    """Return a console on stdout, or stderr `beside` it, that takes no text for markup: what is styled is a `Text`."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False, stderr=beside)


def print_warning(text: str) -> None:
    """Print one line for a person on stderr: what is printed for programs stays as it is."""
    sys.stderr.write(f"placet: {text}\n")


def print_proposal(proposal: "Proposal", digest: str, *, beside: bool = False, gate: str = "") -> None:
    """Print the proposal as an approver reads it, on stderr `beside` a result; what is signed comes last.

    `gate` says what the signature does beside those of others.
    """
    from placet.interfaces.cli.proposal_view import proposal_view

    console(beside=beside).print(proposal_view(proposal, digest, gate))


def print_weighed(events: "Sequence[AuditEvent]") -> None:
    """Print what was weighed in a run that proposes nothing: whoever asks why must see what was passed over."""
    from placet.interfaces.cli.proposal_view import weighed_view

    entry = next((event for event in events if event.kind == "propose.completed"), None)
    if entry is not None and entry.body.get("candidates"):
        console().print(weighed_view(entry.body["candidates"], str(entry.body.get("currency") or "")))


_NARROW: Final = 72
"""Columns below which a table of keys would break names and roles into pieces."""
_NO_KEYS: Final = "no keys enrolled"


def print_keys(keys: "Sequence[ListedKey]") -> None:
    """Print a table of enrolled keys, with kinds where one is a passkey; below it, why some do not count."""
    if console().width < _NARROW:
        _print_keys_narrow(keys)
        return
    kinds = any(listed.key is not None and listed.key.kind == "passkey" for listed in keys)
    columns = ["name", "key", *(["kind"] if kinds else []), "roles", "limit", "valid until", "state"]
    made = table(*columns, whole=("key", "kind", "valid until", "state"))
    for listed in keys:
        key = listed.key
        if key is None:
            cells = [one_line(listed.name, 64), listed.key_id[:16], *[""] * (len(columns) - 3), "NOT VERIFIED"]
            add_row(made, *cells)
            continue
        end = key.revoked_at or key.expires_at
        until = minute(end) if end else "no end"
        cells = [", ".join(key.roles), str(key.limit or "none"), until, _key_state(listed)]
        add_row(made, key.name, key.key_id[:16], *([key.kind] if kinds else []), *cells)
    console().print(made if keys else _NO_KEYS)
    _print_faults(keys)


def _print_keys_narrow(keys: "Sequence[ListedKey]") -> None:
    """Print keys where no table fits: for each, a line that says whose it is and whether it counts, and its terms."""
    for listed in keys:
        key, name = listed.key, one_line(listed.name, 64)
        if key is None:
            print_line(f"{name}  {listed.key_id[:16]}  NOT VERIFIED")
            continue
        end = key.revoked_at or key.expires_at
        print_line(f"{name}  {key.key_id[:16]}  {_key_state(listed)}")
        print_line(f"  {key.kind}; {', '.join(key.roles)}")
        print_line(f"  limit {key.limit or 'none'}; valid until {minute(end) if end else 'no end'}")
    if not keys:
        print_line(_NO_KEYS)
    _print_faults(keys)


def _print_faults(keys: "Sequence[ListedKey]") -> None:
    for listed in keys:
        if listed.fault is not None:
            print_line(f"key {listed.key_id[:16]} of {shortened(listed.name, 64)!r} counts for nothing: {listed.fault}")


def print_key(listed: "ListedKey") -> None:
    """Print all that is enrolled of one key, and why it does not count."""
    from placet.contracts.people.passkey import ES256

    key = listed.key
    said = {"key": listed.key_id, "name": one_line(listed.name, 64), "state": _key_state(listed)}
    if key is not None:
        end = key.expires_at
        said |= {
            "kind": key.kind,
            "roles": ", ".join(key.roles),
            "limit": str(key.limit or "none"),
            "enrolled": f"{minute(key.enrolled_at)} by {key.enrolled_by}",
            "valid until": minute(end) if end else "no end",
            "public key": key.public_key,
        }
        if key.revoked_at is not None:
            said["revoked"] = f"{minute(key.revoked_at)} by {key.revoked_by}"
        if key.passkey is not None:
            said |= {
                "credential": key.passkey.credential_id,
                "algorithm": "ES256" if key.passkey.algorithm == ES256 else "EdDSA",
                "used on": ", ".join(key.passkey.origins),
                "relying party": key.passkey.rp_id,
            }
    if listed.fault is not None:
        said["counts for nothing"] = listed.fault
    for name, value in said.items():
        print_line(f"{name}: {value}")


def check_read() -> None:
    """Check that whoever reads standard output still does, as after `| head` nobody does: nobody saw what is signed.

    Raises:
        ConfigurationError: nobody reads it any more.
    """
    try:
        written_to = sys.stdout.fileno()
    except (OSError, ValueError):
        return  # it is no file
    looked = select.poll()
    looked.register(written_to, 0)
    if looked.poll(0):
        raise ConfigurationError("nobody reads what is shown any more; nothing was signed")


def _key_state(listed: "ListedKey") -> str:
    if listed.key is None or listed.fault is not None:
        return "NOT VERIFIED"
    return "revoked" if listed.key.revoked_at else "valid"


def _print(line: str, indent: int) -> None:
    sys.stdout.write((wrapped(line, indent) if sys.stdout.isatty() else line) + "\n")
    sys.stdout.flush()


def wrapped(line: str, indent: int) -> str:
    """Return `line` as it fits, going on `indent` columns in; whole where nothing says how wide that is."""
    fallback = (80, 24) if sys.stdout.isatty() else (0, 0)
    columns = shutil.get_terminal_size(fallback).columns
    if not columns:
        return line
    columns = max(columns, _NARROWEST)
    if any(unicodedata.east_asian_width(character) in "WF" for character in line):
        columns //= 2
    whole = _DATE.sub("\\1\0\\2", line)  # one word, while lines are broken between words
    margin = " " * min(indent, columns // 2)
    lines = textwrap.wrap(whole, columns, subsequent_indent=margin, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ") or line


def table(*columns: str, whole: "Collection[str]" = ()) -> "Table":
    """Return a table without lines; what does not fit a column continues in it, but in those of `whole`."""
    from rich.table import Table

    made = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in whole)
    return made


def add_lines(of: "Table", *cells: Sequence[str]) -> None:
    """Add a row whose cells have several lines of text each, never markup."""
    from rich.text import Text

    of.add_row(*(Text("\n".join(one_line(line) for line in lines)) for lines in cells))


def add_row(of: "Table", *cells: str) -> None:
    """Add a row whose cells are text, never markup."""
    from rich.text import Text

    of.add_row(*(Text(one_line(cell)) for cell in cells))
