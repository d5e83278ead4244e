"""`placet audit log|checkpoint|prove|verify|anchor|accept-head`: read the record, sign its head, prove and check it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from placet.contracts.audit import tenant_stream
from placet.contracts.text import counted
from placet.contracts.times import moment
from placet.errors import GovernanceError, UsageError
from placet.files import read_given
from placet.interfaces.cli import output
from placet.interfaces.cli.options import JsonFlag
from placet.interfaces.cli.run_output import print_events
from placet.interfaces.cli.toolbox import Toolbox

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placet.governance.log.bundle import ProofBundle
    from placet.governance.log.key import LogIdentity
    from placet.governance.log.notes import VerifierKey

app = typer.Typer(no_args_is_help=True, help="The record of everything that happened.")
_LARGEST_PROOF = 64 * 1024 * 1024
"""Of a proof in a file, in bytes: a run of many thousand entries."""
StreamArgument = Annotated[
    str | None, typer.Argument(metavar="[RUN]", help="a run id; without it, the tenant's own stream")
]
LogKeyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--key", help="log key: a public key file, or name+id+base64; repeatable; default: this installation's"
    ),
]
AgainstOption = Annotated[
    Path | None, typer.Option("--against", help="checkpoint that was anchored: a file, or an anchor folder")
]


def register(root: typer.Typer) -> None:
    """Add these commands."""
    root.add_typer(app, name="audit")


@app.command("log")
def log(context: typer.Context, run_id: StreamArgument = None, as_json: JsonFlag = False) -> None:
    """Print the entries of one run, or of the tenant.

    The tenant's are about keys, documents and configuration.
    """
    toolbox: Toolbox = context.obj
    with toolbox.database().snapshot() as tx:
        events = tx.audit.read(run_id or tenant_stream(toolbox.tenant))
    if run_id is not None and not events:
        raise UsageError(f"nothing is on record of {run_id!r}; see `placet run list`", code="unknown_run")
    if as_json:
        output.print_json([event.model_dump(mode="json") for event in events])
    else:
        print_events(events)


@app.command("checkpoint")
def checkpoint(context: typer.Context, as_json: JsonFlag = False) -> None:
    """Sign the head of the log, and print the checkpoint.

    Everything on record is put into the log first.
    """
    from placet.governance.log.checkpoints import open_checkpoint
    from placet.service.keeping.log import signed_head

    toolbox: Toolbox = context.obj
    identity = _identity(toolbox)
    note = signed_head(toolbox.database(), identity, toolbox.tenant)
    if not as_json:
        output.print_text(note.removesuffix("\n"))
        return
    keys = identity.verifiers(toolbox.tenant)
    head = open_checkpoint(note, keys)
    output.print_json(
        {
            "origin": head.origin,
            "size": head.size,
            "root": head.root.hex(),
            "verifier_key": str(keys[0]),
            "checkpoint": note,
        }
    )


@app.command("prove")
def prove(
    context: typer.Context,
    run_id: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="prove this run's entries; without it the tenant's own")
    ] = None,
    entry: Annotated[
        int | None, typer.Option("--entry", min=1, help="prove only this one; `audit log` shows its number")
    ] = None,
    at: Annotated[Path | None, typer.Option("--at", help="prove under this checkpoint, not the newest")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="write the proof here, not to the terminal")] = None,
) -> None:
    """Prove that entries are on the record.

    It writes a file that `audit verify --proof` verifies offline.
    """
    from placet.governance.log.bundle import verify_bundle

    toolbox: Toolbox = context.obj
    note = None if at is None else read_given(at, "checkpoint")
    bundle = _bundle(toolbox, run_id or tenant_stream(toolbox.tenant), entry, note)
    head = verify_bundle(bundle, _keys(toolbox, _origin(toolbox), None))
    if out is None:
        output.print_json(bundle.model_dump(mode="json"))
        return
    output.write_file(out, bundle.model_dump_json(indent=2) + "\n")
    output.print_line(
        f"{counted(len(bundle.entries), 'entry', 'entries')} proven under the checkpoint of {head.size}: {out}"
    )


@app.command("verify")
def verify(
    context: typer.Context,
    run_id: StreamArgument = None,
    proof: Annotated[Path | None, typer.Option("--proof", help="verify this proof, offline")] = None,
    against: AgainstOption = None,
    key: LogKeyOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Verify the whole record, one run, or a proof.

    Fails naming the first thing that does not fit.
    Without --against, a record that was replaced as a whole, log key included, cannot be told from the true one.
    """
    toolbox: Toolbox = context.obj
    if proof is not None:
        if run_id is not None:
            raise typer.BadParameter("give a run or --proof, not both")
        _verify_proof(toolbox, proof, against, key, as_json=as_json)
    elif run_id is not None:
        if against is not None or key is not None:
            raise typer.BadParameter("--against and --key are for the whole record or a --proof, not for one run")
        with toolbox.database().snapshot() as tx:
            entries = tx.audit.verify(run_id)
        if as_json:
            output.print_json({"streams": 1, "entries": entries, "verified": True})
        else:
            output.print_line(f"1 stream verified: every hash and link of {counted(entries, 'entry', 'entries')} holds")
    else:
        _verify_record(toolbox, against, key, as_json=as_json)


@app.command("anchor")
def anchor(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", metavar="DIR|git:PATH|URL", help="folder, git repository, or witness")],
    witness_key: Annotated[str | None, typer.Option("--witness-key", help="the witness's key: name+id+base64")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="write what the witness signed here")] = None,
) -> None:
    """Give the newest checkpoint to someone who keeps it.

    Refused when the log is not the one given before.
    """
    from placet.governance.log.checkpoints import open_checkpoint
    from placet.governance.log.notes import VerifierKey
    from placet.service.keeping import anchors
    from placet.service.keeping.log import record_anchoring, signed_head

    toolbox: Toolbox = context.obj
    is_witness = to.startswith(("http://", "https://"))
    if not is_witness and (witness_key is not None or out is not None):
        raise typer.BadParameter("--witness-key and --out are for a witness (http:// or https://)")
    database, identity = toolbox.database(), _identity(toolbox)
    note = signed_head(database, identity, toolbox.tenant)
    keys = identity.verifiers(toolbox.tenant)

    def consistency(size: int) -> list[bytes]:
        with database.reading() as tx:
            return tx.log.consistency_proof(toolbox.tenant, size, head.checkpoint.size)

    head = anchors.SignedHead(note, open_checkpoint(note, keys), keys, consistency)
    what = f"{head.checkpoint.origin} at {counted(head.checkpoint.size, 'entry', 'entries')}"
    if is_witness:
        witness = None if witness_key is None else VerifierKey.parse(witness_key)
        cosigned = anchors.anchor_at_witness(to, head, witness)
        if out is not None:
            output.write_file(out, cosigned)
        verified = "" if witness else "; its signature was not verified (--witness-key)"
        output.print_line(f"{what} cosigned by {to}{verified}")
    elif to.startswith("git:"):
        file = anchors.anchor_in_git(Path(to.removeprefix("git:")), head)
        output.print_line(f"{what} committed: {file}")
    else:
        output.print_line(f"{what} anchored: {anchors.anchor_in_folder(Path(to), head)}")
    record_anchoring(database, toolbox.tenant, head.checkpoint, to, toolbox.operator)


@app.command("accept-head")
def accept_head(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="why the log is not the one signed last; on the record")],
) -> None:
    """Sign the log although it does not extend the head here.

    Needed after a backup was restored, on each host.
    The whole record is verified first. Who did it, why, and the head that was kept come on the tenant's record.
    """
    from placet.governance.log.kept_head import KeptHeads
    from placet.service.keeping import heads

    toolbox: Toolbox = context.obj
    kept, identity = KeptHeads(toolbox.log_heads), _identity(toolbox)
    accepted = heads.accept_head(toolbox.database(), identity, kept, toolbox.tenant, by=toolbox.operator, reason=reason)
    output.print_line(f"accepted, and on the record: {accepted.fault}")
    output.print_text(accepted.note.removesuffix("\n"))


def _verify_record(toolbox: Toolbox, against: Path | None, key: list[str] | None, *, as_json: bool) -> None:
    from placet.contracts.strategies.written import share_in_words
    from placet.service.keeping.log import read_anchors
    from placet.service.rollouts.vouching import verify_promotions
    from placet.storage.log.verification import verify_log
    from placet.storage.projections.verification import check_projections

    origin = _origin(toolbox)
    keys = _keys(toolbox, origin, key)
    anchored = [] if against is None else read_anchors(against, keys, origin)
    with toolbox.database().snapshot() as tx:
        found = verify_log(tx, toolbox.tenant, keys, anchored)
        check_projections(tx, toolbox.tenant)
        promoted = verify_promotions(tx, toolbox.tenant, [one.public_key for one in keys])
    if as_json:
        output.print_json(
            {
                "verified": True,
                "streams": found.streams,
                "entries": found.entries,
                "pending": found.pending,
                "checkpoints": found.checkpoints,
                "anchors": found.anchors,
                "root": found.root.hex(),
                "promotions": [one.model_dump(mode="json") for one in promoted],
            }
        )
        return
    output.print_line(
        f"{counted(found.streams, 'stream')} of entries (runs, and the tenant's own) verified: every hash and link "
        "holds, and the tables say what they led to"
    )
    output.print_line(
        f"log of {counted(found.entries, 'entry', 'entries')} verified, root {found.root.hex()[:16]}: "
        f"{counted(found.checkpoints, 'signed checkpoint')} verified with it; "
        f"{counted(found.pending, 'entry', 'entries')} too new to be in it"
    )
    for one in promoted:
        output.print_line(
            f"strategy {one.strategy} to {share_in_words(one.to)}: promoted by policy {', '.join(one.policies)}, "
            f"signed by {one.signer}, on look {one.look}; the log's key vouches for it"
        )
    if against is None:
        output.print_line("no anchored checkpoint was given to compare with; name a file or a folder by --against")
    else:
        output.print_line(f"{counted(found.anchors, 'anchored checkpoint')} in {str(against)!r} verified with it")


def _verify_proof(toolbox: Toolbox, file: Path, against: Path | None, key: list[str] | None, *, as_json: bool) -> None:
    from placet.governance.log.bundle import parse_bundle
    from placet.governance.log.checkpoints import parse_checkpoint
    from placet.governance.log.notes import untrusted_text
    from placet.service.keeping.log import read_anchors, verify_anchored_bundle

    try:
        bundle = parse_bundle(read_given(file, "proof", most=_LARGEST_PROOF))
    except GovernanceError as error:
        raise GovernanceError(f"{str(file)!r} is {error}{_rather(file)}", code=error.code) from error
    origin = parse_checkpoint(untrusted_text(bundle.checkpoint)).origin
    keys = _keys(toolbox, origin, key)
    anchored = [] if against is None else read_anchors(against, keys, origin)
    head = verify_anchored_bundle(bundle, keys, anchored)
    if as_json:
        output.print_json(
            {
                "verified": True,
                "origin": head.origin,
                "size": head.size,
                "root": head.root.hex(),
                "stream": bundle.stream,
                "standing": bundle.standing,
                "entries": [proven.entry.hash for proven in bundle.entries],
            }
        )
        return
    last = bundle.entries[-1].entry
    verified, size = (counted(count, "entry", "entries") for count in (len(bundle.entries), head.size))
    output.print_line(
        f"{verified} verified, in log {head.origin} of {size}: "
        f"the last is {last.kind} of {moment(last.at)} by {last.actor}"
    )
    output.print_line(_what_it_holds(bundle))


def _rather(file: Path) -> str:
    """Return what to do with a file that is no proof: a checkpoint is the other file that people have."""
    from placet.governance.log.checkpoints import parse_checkpoint
    from placet.governance.log.notes import untrusted_text

    try:
        parse_checkpoint(untrusted_text(read_given(file, "proof", most=_LARGEST_PROOF)))
    except GovernanceError:
        return "; `placet audit prove --out FILE` writes one"
    return f"; it is a checkpoint: compare the record with it by `placet audit verify --against {file}`"


def _what_it_holds(bundle: "ProofBundle") -> str:
    from placet.contracts.audit import ENDED

    last = bundle.entries[-1].entry
    if bundle.standing == "one_entry":
        return f"one entry, {last.seq} of {last.stream}: it says nothing of what else is on that record"
    if bundle.standing == "up_to_entry":
        what = f"record {last.stream}" if last.run_id is None else f"run {last.stream}, which was not over"
        return f"up to entry {last.seq} of {what}: more may follow"
    end = next(proven.entry for proven in bundle.entries if proven.entry.kind == ENDED)
    return f"complete: run {last.stream} ends with {ENDED} ({end.body.get('state')}), entry {end.seq} of {last.seq}"


def _bundle(toolbox: Toolbox, stream: str, entry: int | None, note: str | None) -> "ProofBundle":
    from placet.service.keeping.log import NOT_COVERED, prove_numbered, prove_stream, signed_head

    database = toolbox.database()

    def prove(under: str) -> "ProofBundle":
        with database.snapshot() as tx:
            if entry is None:
                return prove_stream(tx, _identity(toolbox), toolbox.tenant, stream, under)
            return prove_numbered(tx, toolbox.tenant, stream, entry, under)

    if note is not None:
        return prove(note)
    with database.reading() as tx:
        newest = tx.checkpoints.newest(toolbox.tenant)
    try:
        if newest is not None:
            return prove(newest)
    except UsageError as error:
        if error.code != NOT_COVERED:
            raise
    return prove(signed_head(database, _identity(toolbox), toolbox.tenant))


def _identity(toolbox: Toolbox) -> "LogIdentity":
    from placet.governance.log.key import load_or_create_log_identity

    return load_or_create_log_identity(toolbox.log_name, toolbox.log_key_file, toolbox.log_heads)


def _origin(toolbox: Toolbox) -> str:
    from placet.governance.log.checkpoints import origin_of

    return origin_of(toolbox.log_name, toolbox.tenant)


def _keys(toolbox: Toolbox, origin: str, given: list[str] | None) -> "Sequence[VerifierKey]":
    from placet.governance.log.key import read_trusted_keys, verifiers_for
    from placet.governance.log.notes import VerifierKey

    if given:
        return verifiers_for(origin, given)
    return [VerifierKey(origin, key) for key in read_trusted_keys(toolbox.log_key_file)]
