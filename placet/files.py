"""Files that Placet makes and trusts: for their owner alone, and never reached through a symbolic link.

Keys, databases, logs and results hold customers' data or what signs for the installation. Whoever can write in a
folder we use could put a symbolic link where we are about to write, and have us overwrite another file; whoever can
write a file we read could decide for us. So: folders are 0700 and files 0600 whatever the umask, what we write goes to
a new file that is then renamed, and what we trust must belong to us.
"""

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from placet.errors import ConfigurationError

FOLDER_MODE = 0o700
FILE_MODE = 0o600
PUBLIC_MODE = 0o644
"""For what is made to be given away: public keys' checkpoints, anchors."""

LARGEST_GIVEN = 4 * 1024 * 1024
"""Of a file that somebody gives us, in bytes, unless its kind may be larger."""

SETUP_CODE_FILE: Final = "setup.code"
"""Name of the file of the code that makes the first administrator, in the home folder."""

LISTENER_TOKEN_FILE: Final = "listener.token"  # noqa: S105 - the name of a file
"""The token of the API's listener, which a stack of a home folder gives to its BSS."""

API_TOKEN_FILE: Final = "api.token"  # noqa: S105 - the name of a file
"""Name of the file of the token that a stack gives its API where no setting says one, in the home folder."""

_OTHERS = 0o077
_OTHERS_WRITE = 0o022
_NOT_FOLLOWED = os.O_NOFOLLOW | os.O_CLOEXEC


def cause(error: Exception) -> str:
    """Say why a file could not be read, without the path, which whoever reports it names."""
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 text, from byte {error.start + 1:,} on"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def private_folder(folder: Path) -> Path:
    """Create `folder` for its owner alone, or tighten it when it is ours; returns it.

    Raises:
        ConfigurationError: it cannot be made, is no folder, is shared like /tmp, or others own it and may write.
    """
    try:
        make_folders(folder)
        state = folder.stat()
        if not stat.S_ISDIR(state.st_mode):
            raise ConfigurationError(f"{str(folder)!r} is not a folder; remove it, or choose another")
        mode = stat.S_IMODE(state.st_mode)
        if mode & stat.S_ISVTX:
            raise ConfigurationError(f"folder {str(folder)!r} is everybody's; use a folder of your own in it")
        if state.st_uid == os.getuid():
            if mode & _OTHERS:
                folder.chmod(mode & ~_OTHERS)
        elif mode & _OTHERS_WRITE:
            raise ConfigurationError(
                f"folder {str(folder)!r} belongs to another user and others may write in it (mode {mode:04o}); "
                "use a folder of your own"
            )
    except OSError as error:
        raise ConfigurationError(f"cannot use folder {str(folder)!r}: {error.strerror}") from error
    return folder


def folder_fault(folder: Path) -> str:
    """Return why nothing may be read in `folder`; empty where all is in order, or there is none.

    That it is a symbolic link is such a reason: what decides for us would lie wherever the link leads.
    """
    try:
        mode = folder.lstat().st_mode
    except FileNotFoundError:
        return ""
    except NotADirectoryError:
        return "is in something that is not a folder; remove that, or choose another"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if stat.S_ISLNK(mode):
        return "is a symbolic link, which is not followed here; put the folder itself there"
    if not stat.S_ISDIR(mode):
        return "is not a folder; remove it"
    return "" if os.access(folder, os.R_OK | os.X_OK) else "cannot be read: Permission denied"


def make_folders(folder: Path) -> None:
    """Create `folder` and what it is in for their owner alone; what is there already stays as it is.

    Raises:
        OSError: one cannot be created.
    """
    missing = [place for place in (folder, *folder.parents) if not place.exists()]
    for place in reversed(missing):
        with contextlib.suppress(FileExistsError):
            place.mkdir(mode=FOLDER_MODE)


def make_own_file(path: Path) -> None:
    """Create an empty file for its owner alone, or tighten the one that is there, without opening it.

    An SQLite file must not be opened beside SQLite: closing it would drop the process's locks.

    Raises:
        OSError: it cannot be created.
        ConfigurationError: it is a link or no ordinary file, or belongs to another user.
    """
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOT_FOLLOWED, FILE_MODE))
    except FileExistsError:
        state = path.lstat()
        if stat.S_ISLNK(state.st_mode):
            raise ConfigurationError(_linked(path)) from None
        _must_be_own(path, state)
        if stat.S_IMODE(state.st_mode) & _OTHERS:
            path.chmod(FILE_MODE)


def write_file(path: Path, data: str | bytes, *, mode: int = FILE_MODE) -> None:
    """Write a whole file: beside it first, then in its place, so that nobody ever reads half of it.

    Raises:
        ConfigurationError: it cannot be written, or something else than a file is there (a link, a device).
    """
    try:
        _refuse_other_than_file(path)
        fresh = _write_fresh(path, data, mode)
        try:
            fresh.replace(path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"cannot write {str(path)!r}: {error.strerror}") from error


@contextlib.contextmanager
def open_fresh(path: Path, *, replace: bool = False) -> Iterator[IO[bytes]]:
    """Open a new file to write; it appears under its name when the block ends, whole, or not at all.

    Args:
        path: Where it will be.
        replace: Whether it may take the place of a file that is there.

    Raises:
        ConfigurationError: something is there already, or it cannot be written.
    """
    if replace:
        _refuse_other_than_file(path)
    elif path.exists() or path.is_symlink():
        raise ConfigurationError(f"{str(path)!r} exists; choose another name")
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOT_FOLLOWED, FILE_MODE)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        if replace:
            fresh.replace(path)
        else:
            path.hardlink_to(fresh)
    except FileExistsError as error:
        raise ConfigurationError(f"{str(path)!r} exists; choose another name") from error
    except OSError as error:
        raise ConfigurationError(f"cannot write {str(path)!r}: {error.strerror}") from error
    finally:
        fresh.unlink(missing_ok=True)


def write_once(path: Path, data: str | bytes, *, mode: int = FILE_MODE) -> bool:
    """Write a whole file unless there is one already; of several processes that try, one succeeds and is told so.

    Raises:
        OSError: it cannot be written.
    """
    fresh = _write_fresh(path, data, mode)
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    return True


def open_own(path: Path, flags: int) -> int:
    """Open a file of ours to keep it open (a log, a lock), creating it; returns the descriptor.

    Raises:
        ConfigurationError: it cannot be opened, is a link or no ordinary file, or belongs to another user.
    """
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NONBLOCK | _NOT_FOLLOWED, FILE_MODE)
    except OSError as error:
        raise ConfigurationError(_cannot_open(path, error)) from error
    try:
        state = os.fstat(descriptor)
        _must_be_own(path, state)
        if stat.S_IMODE(state.st_mode) & _OTHERS:
            os.fchmod(descriptor, FILE_MODE)
    except (ConfigurationError, OSError):
        os.close(descriptor)
        raise
    return descriptor


def read_own(path: Path) -> bytes | None:
    """Read a file that decides something for us; None when it is not there.

    Raises:
        ConfigurationError: it is a link or no ordinary file, belongs to another user, or others may write it.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | _NOT_FOLLOWED)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigurationError(_cannot_open(path, error)) from error
    try:
        state = os.fstat(descriptor)
        _must_be_own(path, state)  # before it is a file to Python, which takes no folder
        if (mode := stat.S_IMODE(state.st_mode)) & _OTHERS_WRITE:
            raise ConfigurationError(f"{str(path)!r} can be written by others (mode {mode:04o}); remove it")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read()
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def open_given(path: Path, what: str, *, follow: bool = True) -> Iterator[IO[bytes]]:
    """Open a file that somebody names or hands over. Nothing is waited for: a pipe or a device is refused.

    Args:
        path: Where it is.
        what: What it should be, for the error.
        follow: Whether it may be a symbolic link: not in a folder in which others put files.

    Raises:
        ConfigurationError: it cannot be opened, or is no ordinary file.
    """
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        linked = error.errno == errno.ELOOP and not follow
        fault = "it is a symbolic link, which is not followed here" if linked else cause(error)
        raise ConfigurationError(f"cannot read {what} {str(path)!r}: {fault}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ConfigurationError(f"cannot read {what} {str(path)!r}: it is not an ordinary file")
    with os.fdopen(descriptor, "rb") as file:
        yield file


def read_given(path: Path, what: str, *, most: int = LARGEST_GIVEN, follow: bool = True) -> str:
    """Read a UTF-8 text of at most `most` bytes that somebody names or hands over; see `open_given`.

    Raises:
        ConfigurationError: it cannot be read, is no ordinary file, is larger, or is no text.
    """
    with open_given(path, what, follow=follow) as file:
        try:
            data = file.read(most + 1)
        except OSError as error:
            raise ConfigurationError(f"cannot read {what} {str(path)!r}: {cause(error)}") from error
    if len(data) > most:
        raise ConfigurationError(f"cannot read {what} {str(path)!r}: it is larger than {most} bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"cannot read {what} {str(path)!r}: {cause(error)}") from error


def read_secret(path: Path) -> bytes:
    """Read a private key, which nobody but its owner may be able to read.

    A link is followed, because secrets are mounted so. A file that belongs to root may be readable by our group:
    that is how an orchestrator gives a secret to a process that is not root.

    Raises:
        OSError: it cannot be read.
        ConfigurationError: it is no ordinary file, or others may read it.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        state = os.fstat(file.fileno())
        if not stat.S_ISREG(state.st_mode):
            raise ConfigurationError(f"key file {str(path)!r} is not an ordinary file; name another")
        if fault := secret_fault(state):
            raise ConfigurationError(f"key file {str(path)!r} {fault}; run chmod 600 on it")
        return file.read(LARGEST_GIVEN)


def secret_fault(state: os.stat_result) -> str:
    """Return why a file with this state is not kept secret; empty when it is."""
    mode = stat.S_IMODE(state.st_mode)
    handed_over = state.st_uid == 0 and os.getuid() != 0
    exposed = mode & (_OTHERS & ~stat.S_IRGRP if handed_over else _OTHERS)
    return f"has mode {mode:04o}" if exposed else ""


def _write_fresh(path: Path, data: str | bytes, mode: int) -> Path:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOT_FOLLOWED, FILE_MODE)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            os.fchmod(descriptor, mode)  # whatever the umask
            os.fsync(descriptor)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return fresh


def _refuse_other_than_file(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if stat.S_ISLNK(mode):
        raise ConfigurationError(f"cannot write {str(path)!r}: it is a symbolic link; remove it, or name its target")
    if not stat.S_ISREG(mode):
        raise ConfigurationError(f"cannot write {str(path)!r}: it is not an ordinary file; choose another name")


def _must_be_own(path: Path, state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise ConfigurationError(f"{str(path)!r} is not an ordinary file; remove it")
    if state.st_uid != os.getuid():
        raise ConfigurationError(f"{str(path)!r} belongs to another user (uid {state.st_uid}); remove it")


def _cannot_open(path: Path, error: OSError) -> str:
    return _linked(path) if path.is_symlink() else f"cannot open {str(path)!r}: {error.strerror}"


def _linked(path: Path) -> str:
    return f"{str(path)!r} is a symbolic link, which is not followed here; remove it"
