"""The head this installation signed or accepted last, in a file outside the database it distrusts.

Whoever owns the database can rewrite a history that nobody anchored, drop the checkpoints above it, and have the next
one signed by us. An integrator that remembers its last head elsewhere signs only what extends it.
"""

from dataclasses import dataclass
from pathlib import Path

from placet import files
from placet.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class KeptHeads:
    """One file for each log, `<folder>/<origin>.head`, holding its signed checkpoint."""

    folder: Path

    def read(self, origin: str) -> str | None:
        """Return the signed head that was kept of a log; None where none was.

        Raises:
            ConfigurationError: the file is a link, another user's, or writable by others.
        """
        kept = files.read_own(self.place(origin))
        return None if kept is None else kept.decode("utf-8", "replace")

    def keep(self, origin: str, note: str) -> None:
        """Keep a signed head, on disk when this returns.

        Raises:
            ConfigurationError: it cannot be written.
        """
        place = self.place(origin)
        try:
            files.make_folders(place.parent)
        except OSError as error:
            raise ConfigurationError(f"cannot make folder {str(place.parent)!r}: {error.strerror}") from error
        files.write_file(place, note)

    def forget(self, origin: str) -> None:
        """Remove the head of a log, where one is kept.

        Raises:
            ConfigurationError: it cannot be removed.
        """
        place = self.place(origin)
        try:
            place.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigurationError(f"cannot remove {str(place)!r}: {error.strerror}") from error

    def place(self, origin: str) -> Path:
        """Return the file of a log."""
        return self.folder / f"{origin}.head"
