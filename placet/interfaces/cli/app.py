"""The `placet` command: one tree of commands, one way to fail.

Exit codes: 0 done, 1 refused or failed (one line on stderr), 2 usage, 3 what was waited for did not come in time,
130 interrupted.
"""

import errno
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import typer

from placet.contracts.text import is_text
from placet.errors import PlacetError
from placet.interfaces.cli import output
from placet.interfaces.cli.errors_log import keep_complaints, keep_error
from placet.interfaces.cli.toolbox import Toolbox

_HELP = "Usage: "
"""How the message begins where a group of commands was named and none of them: it is the whole help page."""

DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130
_OF_THE_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE})
"""What is no defect of ours: a full or read-only disk, too many open files."""


COMMANDS: Mapping[str, tuple[str, ...]] = {
    "services": (
        "up",
        "demo",
        "env",
        "migrate",
        "worker",
        "api",
        "doctor",
        "replay",
        "reconcile",
        "bss",
        "bench",
    ),
    "running.runs": ("run",),
    "running.inbox": ("inbox",),
    "running.decisions": ("approve", "reject", "amend", "settle"),
    "governance.keys": ("keys",),
    "governance.tokens": ("token",),
    "governance.policy": ("policy",),
    "audit": ("audit",),
    "keeping.backups": ("backup", "restore"),
    "keeping.retention": ("retention",),
    "running.reversals": ("reverse",),
    "running.customers": ("customer",),
    "live.state": ("state",),
    "live.profile": ("profile",),
    "live.cohorts": ("cohort",),
    "live.kpis": ("kpi",),
    "live.strategies": ("strategy",),
    "live.decisions": ("decide",),
    "live.rollouts": ("rollout",),
    "live.playbook": ("playbook",),
    "live.journeys": ("journey",),
    "models.propensity": ("model",),
    "running.walkthroughs": ("walkthrough",),
    "governance.halts": ("halt", "halts", "resume"),
    "governance.delegations": ("delegation",),
    "governance.mandates": ("mandate",),
    "notifications": ("notifications",),
    "governance.oversight": ("oversight",),
}
"""The modules of commands, in the order of the help page, and the words that each adds."""


def build_app(first: str | None = None) -> typer.Typer:
    """Build the command tree, or only the part that has the command `first`, since loading all takes time."""
    app = typer.Typer(
        name="placet",
        help="Governed agent runs for telecom customer value management: agents propose, people commit.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    # One command alone would be taken for the whole program.
    app.callback()(lambda: None)
    asked = [module for module, words in COMMANDS.items() if first in words]
    for module in asked or COMMANDS:
        import_module(f"placet.interfaces.cli.{module}").register(app)
    return app


def run(arguments: Sequence[str], toolbox: Toolbox) -> int:
    """Run one command and return its exit code; whatever goes wrong on purpose is one line on stderr."""
    command = typer.main.get_command(build_app(_first(arguments)))
    keep_complaints(lambda: toolbox.home)
    try:
        _check_text(arguments)
        code = command.main(args=list(arguments), prog_name="placet", standalone_mode=False, obj=toolbox)
    except typer.TyperException as error:
        return _misused(error, arguments)
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


def _misused(error: typer.TyperException, arguments: Sequence[str]) -> int:
    message = error.format_message()
    if message.startswith(_HELP):
        typer.echo(message, err=True)
        return USAGE
    help_page = " ".join(("placet", *command_path(arguments), "--help"))
    output.print_error(f"{message.rstrip('.')}; see `{help_page}`")
    return USAGE


def _check_text(arguments: Sequence[str]) -> None:
    """Refuse arguments that are no text: the operating system hands on any bytes, and these can be kept nowhere."""
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
    """Return the leading words of a command line that are commands; what follows may be about a person."""
    command: Any = typer.main.get_command(build_app(_first(arguments)))
    words = []
    for word in arguments:
        command = getattr(command, "commands", {}).get(word)
        if command is None:
            break
        words.append(word)
    return tuple(words)


def _first(arguments: Sequence[str]) -> str | None:
    return arguments[0] if arguments else None
