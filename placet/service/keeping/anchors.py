"""Anchoring: give a signed checkpoint to someone who keeps it, so that the log can be held to it later.

To a folder (another machine's, write-once), a git repository, or a witness over HTTP (c2sp.org/tlog-witness). Each is
shown that the log extends what it was given last; a log that does not is refused here, before it leaves.
"""

import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from placet.contracts.text import NAME, counted, shortened
from placet.errors import ConfigurationError, GovernanceError, UpstreamRejected, UpstreamUnavailable
from placet.files import PUBLIC_MODE, read_given, write_file
from placet.governance.log.bundle import encode_proof
from placet.governance.log.chain import BROKEN
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint
from placet.governance.log.merkle import verify_consistency
from placet.governance.log.notes import VerifierKey, add_signatures, open_note
from placet.network.client import plain_client

_WITNESS_SECONDS = 10.0
_GIT_SECONDS = 30.0
_SIZE = re.compile(r"[0-9]{1,19}")
# A witness answers 409 with the size it has; between asking again someone else may have anchored a newer one.
_WITNESS_TRIES = 3
_ADVICE: Final[dict[int, str]] = {
    httpx.codes.FORBIDDEN: "does not accept the signature",
    httpx.codes.NOT_FOUND: "does not know this log; give its operator the key that `audit checkpoint --json` shows",
}


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A checkpoint to be anchored.

    Attributes:
        note: The signed checkpoint.
        checkpoint: What it says.
        keys: Log keys that count.
        consistency: The proof that it extends the log of a given, smaller size.
    """

    note: str
    checkpoint: Checkpoint
    keys: Sequence[VerifierKey]
    consistency: Callable[[int], list[bytes]]

    def must_extend(self, anchored: Checkpoint, where: str) -> None:
        """Make sure that the log is the one that was anchored, and no shorter.

        Raises:
            GovernanceError: code `audit_broken`.
        """
        here = self.checkpoint
        if anchored.size > here.size:
            raise GovernanceError(
                f"{where} has a checkpoint of {_entries(anchored.size)}, the log has {here.size}: it was cut off",
                code=BROKEN,
            )
        try:
            proof = self.consistency(anchored.size)
            verify_consistency(anchored.size, anchored.root, here.size, here.root, proof)
        except GovernanceError as error:
            raise GovernanceError(f"the log is not the one that {where} has: {error}", code=BROKEN) from error


def anchor_in_folder(folder: Path, head: SignedHead) -> Path:
    """Write the checkpoint to `<folder>/<origin>/<size>.checkpoint`, once; returns the file.

    Raises:
        ConfigurationError: the folder is not there, or cannot be read or written.
        GovernanceError: code `audit_broken`: the log is not the one anchored there before.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"anchor folder {str(folder)!r} does not exist; create it where it is safe from us")
    place = folder / head.checkpoint.origin
    for part in (place, *place.parents):
        if part == folder:
            break
        if part.is_symlink():
            raise ConfigurationError(f"{str(part)!r} is a symbolic link, which is not followed here; remove it")
    file = place / f"{head.checkpoint.size:012d}.checkpoint"
    try:
        newest = _newest_anchored(place)
        if newest is not None:
            head.must_extend(_read_anchored(newest, head), repr(str(newest)))
        if not file.exists():
            place.mkdir(parents=True, exist_ok=True)
            write_file(file, head.note, mode=PUBLIC_MODE)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"cannot anchor in {str(folder)!r}: {error}") from error
    return file


def _newest_anchored(place: Path) -> Path | None:
    """Return the file of the largest size in `place`; None where nothing was anchored yet.

    Raises:
        GovernanceError: code `audit_broken`; a file bears a name that nothing anchored here has.
    """
    files = list(place.glob("*.checkpoint"))
    for file in files:
        if not _SIZE.fullmatch(file.stem):
            raise GovernanceError(
                f"{str(file)!r} is not named as a checkpoint anchored here is; find out who put it there", code=BROKEN
            )
    return max(files, key=lambda file: int(file.stem), default=None)


def _read_anchored(file: Path, head: SignedHead) -> Checkpoint:
    try:
        anchored = open_checkpoint(read_given(file, "checkpoint", follow=False), head.keys)
    except GovernanceError as error:
        raise GovernanceError(
            f"{str(file)!r} is no checkpoint of this log; find out who put it there: {error}", code=error.code
        ) from error
    if anchored.size != int(file.stem):
        raise GovernanceError(
            f"{str(file)!r} holds the checkpoint of {_entries(anchored.size)}; find out who put it there", code=BROKEN
        )
    return anchored


def anchor_in_git(repository: Path, head: SignedHead) -> Path:
    """Write the checkpoint as `anchor_in_folder` does and commit it, alone; pushing is left to the repository's owner.

    Raises:
        ConfigurationError: not the work tree of a git repository, or git refused.
        GovernanceError: code `audit_broken`: the log is not the one anchored there before.
    """
    _git(repository, "rev-parse", "--is-inside-work-tree")
    file = anchor_in_folder(repository, head)
    name = str(file.relative_to(repository))
    _git(repository, "add", "--", name)
    if _git(repository, "status", "--porcelain", "--", name):
        message = f"Anchor {head.checkpoint.origin} at {_entries(head.checkpoint.size)}"
        _git(repository, "commit", "--quiet", "--message", message, "--only", "--", name)
    return file


def anchor_at_witness(url: str, head: SignedHead, witness: VerifierKey | None) -> str:
    """Have a witness cosign the checkpoint; returns the cosigned note.

    Args:
        url: The witness's submission prefix.
        head: What to cosign.
        witness: The witness's key; with it the answer is verified, without it its signature is kept unverified.

    Raises:
        UpstreamUnavailable: the witness does not answer, or fails.
        UpstreamRejected: it does not know the log or its key, or its answer cannot be read.
        GovernanceError: code `audit_broken`: it was shown another log, or a longer one; else the cosignature is
            not the witness's.
    """
    answer = _submit(url, head)
    if answer.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        raise GovernanceError(f"the log is not the one that witness {url!r} was shown before", code=BROKEN)
    if answer.is_server_error or answer.status_code == httpx.codes.CONFLICT:
        raise UpstreamUnavailable(f"witness {url!r} answered {answer.status_code}; try again")
    if answer.status_code != httpx.codes.OK:
        said = _ADVICE.get(answer.status_code, "refused")
        raise UpstreamRejected(f"witness {url!r} answered {answer.status_code}: it {said}")
    cosigned = add_signatures(head.note, answer.text)
    if witness is not None:
        open_note(cosigned, [witness])
    return cosigned


def _submit(url: str, head: SignedHead) -> httpx.Response:
    address = f"{url.rstrip('/')}/add-checkpoint"
    try:
        with plain_client(_WITNESS_SECONDS) as client:
            answer = client.post(address, content=_request(head, 0))
            for _ in range(_WITNESS_TRIES):
                if answer.status_code != httpx.codes.CONFLICT:
                    break
                answer = client.post(address, content=_request(head, _size_at(url, answer, head)))
            return answer
    except httpx.HTTPError as error:
        raise UpstreamUnavailable(f"witness {url!r} does not answer: {error}") from error
    except httpx.InvalidURL as error:
        raise ConfigurationError(f"{url!r} is not a witness's address: {error}") from error


def _request(head: SignedHead, old_size: int) -> bytes:
    proof = encode_proof(head.consistency(old_size))
    return "".join(f"{line}\n" for line in (f"old {old_size}", *proof, "")).encode() + head.note.encode()


def _size_at(url: str, answer: httpx.Response, head: SignedHead) -> int:
    text = answer.text.strip()
    if not _SIZE.fullmatch(text):
        raise UpstreamRejected(f"witness {url!r} answered 409 without the size it has: {shortened(text, NAME)!r}")
    if int(text) > head.checkpoint.size:
        raise GovernanceError(
            f"witness {url!r} has a checkpoint of {_entries(int(text))}, the log has {head.checkpoint.size}: "
            "it was cut off",
            code=BROKEN,
        )
    return int(text)


def _git(repository: Path, *arguments: str) -> str:
    # The commit is this program's, whoever runs it; the repository's own hooks and signing stay in force.
    who = ("-c", "user.name=placet audit anchor", "-c", "user.email=placet@localhost")
    try:
        done = subprocess.run(  # noqa: S603 - a fixed program; the names are ours
            ["git", "-C", str(repository), *who, *arguments],  # noqa: S607 - git is found as the person's shell does
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        said = " ".join((error.stderr or error.stdout).split())
        raise ConfigurationError(f"git refused in {str(repository)!r}: {said}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigurationError(f"git did not run in {str(repository)!r}: {error}") from error
    return done.stdout.strip()


def _entries(count: int) -> str:
    return counted(count, "entry", "entries")
