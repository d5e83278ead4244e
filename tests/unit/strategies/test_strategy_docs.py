"""docs/strategies.md says what the code says: its tables, its example, its defaults."""

import re
from pathlib import Path

from placet.decisioning.strategies import measures, packages
from placet.decisioning.strategies.reading import read_strategy

DOCS = Path(__file__).parents[3] / "docs" / "strategies.md"


def test_the_tables_are_those_of_the_code() -> None:
    text = DOCS.read_text()
    assert measures.docs_table() in text
    assert packages.docs_table() in text


def test_the_example_is_sound() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    read = read_strategy(example)
    assert read.findings == ()
    assert read.strategy is not None
