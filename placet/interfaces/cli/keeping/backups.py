"""`placet backup` and `placet restore`: the whole database in one signed file, and proof that it comes back whole."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.text import counted
from placet.contracts.times import moment, rfc3339
from placet.interfaces.cli import output
from placet.interfaces.cli.options import JsonFlag
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from placet.service.keeping.backups import Restored

_BESIDES = (
    "needed besides: the policy files, the file of administrators, the allowlist, the settings, the approvers' keys, "
    "Temporal's own backup"
)


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.command("backup")(backup)
    root.command("restore")(restore)


def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="the backup; must not exist yet")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="put in the payload and log keys, encrypted with a passphrase")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Write the whole database to a file that the log key signs.

    It is that of one moment; runs go on meanwhile.
    """
    from placet.governance.log.key import load_or_create_log_identity
    from placet.service.keeping.backup_file import seal_keys
    from placet.service.keeping.backups import installation_keys, take_backup

    toolbox: Toolbox = context.obj
    database = toolbox.database()
    identity = load_or_create_log_identity(toolbox.log_name, toolbox.log_key_file)
    sealed = None
    if with_keys:
        sealed = seal_keys(installation_keys(_key_files(toolbox)), toolbox.new_passphrase("passphrase for the keys"))
    taken = take_backup(database, file, identity, sealed)
    if as_json:
        output.print_json({"file": str(file), "digest": taken.digest, "rows": taken.rows, "keys": with_keys})
        return
    output.print_line(f"{counted(taken.rows, 'row')} written to {file}, sha256 {taken.digest}")
    keys = "the payload and log keys are in it, encrypted" if with_keys else "the payload and log keys are not in it"
    output.print_line(f"{keys}; {_BESIDES}")
    output.print_line(f"see that it can be restored: placet restore --drill {file}")


def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="a backup")],
    drill: Annotated[
        bool, typer.Option("--drill", help="restore into a database that is thrown away, and say what was verified")
    ] = False,
    no_halt: Annotated[
        bool, typer.Option("--no-halt", help="do not stop executions; what was sent since the backup is not known here")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Restore a verified backup into an empty database.

    All of it is verified first: record, log, artifacts, tables.
    Executions are halted afterwards: what was sent since the backup is not known to the restored record.
    """
    from placet.governance.log.kept_head import KeptHeads
    from placet.governance.log.key import read_trusted_keys
    from placet.service.keeping.backups import mark_restored, restore_backup
    from placet.service.keeping.heads import unextended

    toolbox: Toolbox = context.obj
    trusted = _trusted(toolbox, file, keep=not drill)
    if drill:
        _try_keys(toolbox, file)
        restored = _drill(toolbox, file, trusted)
    else:
        database = toolbox.database()
        restored = restore_backup(database, file, toolbox.log_name, trusted)
        mark_restored(database, restored, by=toolbox.operator, halt=not no_halt, agents=toolbox.agents)
    _show(restored, drill=drill, halted=not drill and not no_halt, as_json=as_json)
    if not drill:
        _say_unpinned(toolbox, restored)
        heads, found = KeptHeads(toolbox.log_heads), read_trusted_keys(toolbox.log_key_file)
        for tenant, fault in unextended(toolbox.database(), heads, toolbox.log_name, found, restored.tenants).items():
            output.print_warning(
                f"nothing is signed for tenant {tenant!r} until its log is accepted (`placet audit accept-head`, "
                f"PLACET_TENANT={tenant}): {fault}"
            )


def _try_keys(toolbox: Toolbox, file: Path) -> None:
    """Open the keys in the backup, or say that nobody tried: the passphrase must be known on the day it is needed."""
    from placet.errors import ConfigurationError
    from placet.service.keeping.backup_file import open_keys, summary_of

    sealed = summary_of(file).get("keys")
    if sealed is None:
        return
    try:
        passphrase = toolbox.passphrase("passphrase of the keys in the backup")
    except ConfigurationError as error:
        output.print_warning(f"the keys in the backup were not tried: {error}")
        return
    open_keys(sealed, passphrase)


def _say_unpinned(toolbox: Toolbox, restored: "Restored") -> None:
    """Say of which tenants no administrator is trusted here: none of their keys, and nothing signed by one, counts."""
    from placet.errors import ConfigurationError
    from placet.service.documents.keys import check_administrators

    trust = toolbox.database().trust
    for tenant in restored.tenants:
        try:
            check_administrators(trust, tenant)
        except ConfigurationError:
            output.print_warning(
                f"no key of tenant {tenant!r} counts yet, nor what was signed with one: put the file of administrators "
                f"of the old installation in place, {str(trust.administrators.path)!r}"
            )


def _drill(toolbox: Toolbox, file: Path, trusted: Sequence[bytes]) -> "Restored":
    from placet.service.keeping.backups import restore_backup
    from placet.storage.database import Database

    with (
        tempfile.TemporaryDirectory(prefix="placet-drill-") as folder,
        Database(f"sqlite:///{folder}/placet.db") as database,
    ):
        database.migrate()
        return restore_backup(database, file, toolbox.log_name, trusted)


def _trusted(toolbox: Toolbox, file: Path, *, keep: bool) -> Sequence[bytes]:
    """Return the log keys that count here: the installation's own, else those in the backup, put in place then."""
    from placet.errors import ConfigurationError
    from placet.governance.log.key import read_trusted_keys
    from placet.governance.signing.keys import parse_public_key
    from placet.service.keeping.backup_file import open_keys, summary_of
    from placet.service.keeping.backups import put_keys

    own = read_trusted_keys(toolbox.log_key_file)
    if own:
        return own
    sealed = summary_of(file).get("keys")
    if sealed is None:
        raise ConfigurationError(
            f"there is no log key at {str(toolbox.log_key_file)!r} to verify the backup by, and none is in it; "
            "put the installation's key (or its .pub) there first"
        )
    keys = open_keys(sealed, toolbox.passphrase("passphrase of the keys in the backup"))
    if keep:
        put_keys(keys, _key_files(toolbox))
    name = toolbox.log_key_file.name
    return [parse_public_key(data.decode()) for key, data in keys.items() if key == f"{name}.pub" or "-retired-" in key]


def _key_files(toolbox: Toolbox) -> list[Path]:
    log_key = toolbox.log_key_file
    retired = sorted(log_key.parent.glob(f"{log_key.stem}-retired-*.pub"))
    return [toolbox.payload_key_file, log_key, log_key.with_name(log_key.name + ".pub"), *retired]


def _show(restored: "Restored", *, drill: bool, halted: bool, as_json: bool) -> None:
    if as_json:
        output.print_json(
            {
                "verified": True,
                "drill": drill,
                "digest": restored.digest,
                "made_at": rfc3339(restored.made_at),
                "tenants": restored.tenants,
                "rows": restored.rows,
                "streams": restored.streams,
                "entries": restored.entries,
                "checkpoints": restored.checkpoints,
                "artifacts": restored.artifacts,
                "halted": halted,
            }
        )
        return
    taken = f"backup of {moment(restored.made_at)}, {counted(restored.rows, 'row')}, sha256 {restored.digest}"
    output.print_line(f"{taken}: {'restored, verified and thrown away' if drill else 'restored and verified'}")
    entries = counted(restored.entries, "entry", "entries")
    output.print_line(
        f"tenants {', '.join(restored.tenants) or 'none'}: {counted(restored.streams, 'stream')}, {entries}, "
        f"{counted(restored.checkpoints, 'signed checkpoint')} and {counted(restored.artifacts, 'artifact')} hold"
    )
    if halted:
        output.print_line(
            "executions are halted: effects sent since the backup are not known here; settle what differs "
            "(`placet reconcile`), then lift the halt (`placet halts`, `placet resume`)"
        )
