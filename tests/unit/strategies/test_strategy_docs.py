"""docs/strategies.md says what the code says: its tables, its example, its defaults."""

import re
from pathlib import Path

from placet.decisioning.cohorts import columns
from placet.decisioning.cohorts.run_columns import RUN_COLUMNS
from placet.decisioning.strategies import measures, packages
from placet.decisioning.strategies.reading import read_strategy

DOCS = Path(__file__).parents[3] / "docs" / "strategies.md"


def test_the_tables_are_those_of_the_code() -> None:
    text = DOCS.read_text()
    assert measures.docs_table() in text
    assert packages.docs_table() in text
    assert columns.docs_table(RUN_COLUMNS) in text


def test_the_examples_are_sound() -> None:
    example, steps = re.findall(r"```yaml\n(.*?)```", DOCS.read_text(), re.DOTALL)
    many = []
    for text in (example, example.replace("\ncontact:\n", f"\n{steps}contact:\n")):
        read = read_strategy(text)
        assert read.findings == ()
        assert read.strategy is not None
        many.append(len(read.strategy.steps))
    assert many == [0, 6]
