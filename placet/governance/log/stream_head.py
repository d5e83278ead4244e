"""How far a stream reached under a checkpoint, signed by the log: what tells a whole record from one that was cut.

An inclusion proof shows that an entry is in the log, not that no other of its stream is. Who has the log key says that,
bound to the checkpoint, so that neither the end of a stream nor an older statement about it can be passed off as all.
"""

from dataclasses import dataclass
from typing import Final

from placet.governance.log.checkpoints import Checkpoint

# The first line keeps the text from being read as a checkpoint's, which the same key signs: there, a size comes second.
_FORM: Final = "placet-stream-head/v1"


@dataclass(frozen=True, slots=True)
class StreamHead:
    """The entries that a log had of one stream.

    Attributes:
        checkpoint: Under which.
        stream: The stream, e.g. a run.
        length: Number of its entries.
        last: Hash of the last one, which commits to those before it.
    """

    checkpoint: Checkpoint
    stream: str
    length: int
    last: str

    def text(self) -> str:
        """Return the text that is signed."""
        return f"{_FORM}\n{self.checkpoint.text()}{self.stream}\n{self.length}\n{self.last}\n"
