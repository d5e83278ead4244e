"""Reading policy files from a folder, all of one moment."""

import threading
from pathlib import Path

from placet.contracts.text import is_text
from placet.errors import PolicyError
from placet.governance.policy.source import PolicyFile

MISSING = "policy_missing"
"""Code of there being no policies, as opposed to faulty ones."""

_ATTEMPTS = 5
_BEING_WRITTEN_SECONDS = 0.05
"""Pause before an empty file is read again: who saves a file empties it first, and what is empty denies everything."""


def read_policy_files(path: Path) -> tuple[PolicyFile, ...]:
    """Read the policy files at `path`, ordered by name: one file, or a folder's `*.cedar` (hidden ones left out).

    A folder may be a symbolic link: it is followed once, so that a set that is swapped by moving the link is read
    whole. A folder that changes while it is read is read again, and so is one with an empty file; one that stays empty
    is taken for what it is.

    Raises:
        PolicyError: code `policy_missing`: there is no policy file, or one may not be read. Else what is there is no
            text, or does not stay the same for long enough to be read.
    """
    try:
        place = path.resolve()
        for attempt in range(1, _ATTEMPTS + 1):
            before = _listing(place)
            for file, _, _ in before:
                if not is_text(file.name):
                    raise PolicyError(f"policy file {file.name!a} in {str(path)!r} has no UTF-8 name; rename it")
            files = tuple(PolicyFile(name=file.name, text=file.read_bytes().decode()) for file, _, _ in before)
            if before == _listing(place):
                if attempt == _ATTEMPTS or all(file.text for file in files):
                    break
                _pause()
        else:
            raise PolicyError(f"the policy files in {str(path)!r} keep changing; publish a whole folder at once")
    except UnicodeDecodeError as error:
        raise PolicyError(f"cannot read the policy files in {str(path)!r}, they are not UTF-8: {error}") from error
    except OSError as error:
        raise PolicyError(f"cannot read the policy files in {str(path)!r}: {error}", code=MISSING) from error
    if not files:
        raise PolicyError(f"no policy file (*.cedar) in {str(path)!r}", code=MISSING)
    return files


def _pause() -> None:
    threading.Event().wait(_BEING_WRITTEN_SECONDS)


def _listing(place: Path) -> list[tuple[Path, int, int]]:
    if place.is_file():
        found = [place]
    elif place.is_dir():
        found = sorted(file for file in place.iterdir() if file.suffix == ".cedar" and not file.name.startswith("."))
    else:
        found = []
    return [(file, stat.st_mtime_ns, stat.st_size) for file in found for stat in (file.stat(),)]
