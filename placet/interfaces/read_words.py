"""The live state that a run read, in words: what every interface shows beside what billing answered."""

from collections.abc import Iterator

from placet.contracts.state import StateRead
from placet.contracts.text import counted, one_line
from placet.contracts.times import moment
from placet.interfaces.state_words import one_person_in_words


def read_in_words(read: StateRead) -> Iterator[tuple[str, str]]:
    """Yield labels and texts: as of when, of which ids, from how many events, how old the newest, what stood out."""
    yield "As of", moment(read.as_of)
    if read.one_person is not None:
        yield "Merged", one_person_in_words(read.one_person)
    if not read.version or read.newest is None:  # what is only said about a customer is no event
        yield "Events", "no event of this customer is known; the run decides on what billing says alone"
        return
    yield "Events", f"{counted(read.version, 'event')}{', some of them simulated' if read.simulated else ''}"
    yield "Newest", moment(read.newest)
    for text in read.signals or ("nothing",):
        yield "Stood out", one_line(text)
