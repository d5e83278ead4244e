"""The `placet` command: one tree of commands, one way to fail.

Exit codes: 0 done, 1 refused or failed (one line on stderr), 2 usage, 3 what was waited for did not come in time,
130 interrupted.
"""

import errno
from collections.abc import Sequence
from typing import Any

import typer

from placet.contracts.text import is_text
from placet.errors import PlacetError
from placet.interfaces.cli import audit, backups, notifications, output, retention, services
from placet.interfaces.cli.errors_log import keep_complaints, keep_error
from placet.interfaces.cli.governance import delegations, halts, keys, mandates, oversight, policy
from placet.interfaces.cli.running import decisions, inbox, reversals, runs
from placet.interfaces.cli.toolbox import Toolbox

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
_OF_THE_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE})
"""What is no defect of ours: a full or read-only disk, too many open files."""


def build_app() -> typer.Typer:
    """The command tree."""
    app = typer.Typer(
        name="placet",
        help="Governed agent runs for telecom customer value management: agents propose, people commit.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    services.register(app)
    runs.register(app)
    inbox.register(app)
    decisions.register(app)
    keys.register(app)
    policy.register(app)
    audit.register(app)
    backups.register(app)
    retention.register(app)
    reversals.register(app)
    halts.register(app)
    delegations.register(app)
    mandates.register(app)
    notifications.register(app)
    oversight.register(app)
    return app


def run(arguments: Sequence[str], toolbox: Toolbox) -> int:
    """Run one command and return its exit code; whatever goes wrong on purpose is one line on stderr."""
    command = typer.main.get_command(build_app())
    keep_complaints(lambda: toolbox.home)
    try:
        _check_text(arguments)
        code = command.main(args=list(arguments), prog_name="placet", standalone_mode=False, obj=toolbox)
    except typer.TyperException as error:
        help_page = " ".join(("placet", *command_path(arguments), "--help"))
        output.print_error(f"{error.format_message().rstrip('.')}; see `{help_page}`")
        return USAGE
    except typer.Exit as error:
        return error.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except PlacetError as error:
        output.print_error(str(error))
        return FAILED
    except Exception as error:  # noqa: BLE001 - a person meets one line; the rest is for whoever mends it
        return _unexpected(error, toolbox)
    return code if isinstance(code, int) else DONE


def _check_text(arguments: Sequence[str]) -> None:
    """The operating system hands on whatever bytes it was given; those that are no text can be kept nowhere."""
    for word in arguments:
        if not is_text(word):
            raise typer.BadParameter(f"{word!a} is not UTF-8 text; write it, or rename the file, in UTF-8")


def _unexpected(error: Exception, toolbox: Toolbox) -> int:
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        where = repr(str(error.filename)) if error.filename else f"{str(toolbox.home)!r}, or where this is written to"
        output.print_error(f"cannot go on: {error.strerror}: {where}; make room there, or choose another place")
        return FAILED
    first = (str(error).splitlines() or [""])[0]
    output.print_error(
        f"unexpected {type(error).__name__}: {first}; {keep_error(toolbox.home, error)}; please report it"
    )
    return FAILED


def command_path(arguments: Sequence[str]) -> tuple[str, ...]:
    """The leading words of a command line that are commands; what follows may be about a person."""
    command: Any = typer.main.get_command(build_app())
    words = []
    for word in arguments:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        words.append(word)
    return tuple(words)
