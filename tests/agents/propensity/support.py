"""Small tables of customers that never were, with what makes them leave."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from agents.propensity.table import Table, read_table
from placet.contracts.propensity.mapping import Mapping
from placet.toml_files import load_toml, parse_toml

ROOT = Path(__file__).parents[3]
SAMPLE = ROOT / "placet" / "sandbox" / "data" / "telco_customers.csv"
SAMPLE_MAPPING = ROOT / "agents" / "propensity" / "sample.toml"

MAPPING = """
source = "made up for tests"
left_means = "a coin fell so"
customer_id = "id"
left = { column = "gone", yes = ["y"], no = ["n"] }
features = [
  { name = "tenure_months", column = "months" },
  { name = "disputed_bills", column = "disputes" },
  { name = "line", column = "line", kind = "choice", choices = { "a" = "line A", "b" = "line B" } },
  { name = "app", column = "app", kind = "flag", words = "the app", yes = ["1"], no = ["0"], may_be_missing = true },
]
groups = [{ name = "region", column = "region", words = { "n" = "the north", "s" = "the south" } }]
"""


def mapping(text: str = MAPPING) -> Mapping:
    return parse_toml(text, Mapping, "the mapping")


def sample_mapping() -> Mapping:
    return load_toml(SAMPLE_MAPPING, Mapping, "the mapping")


@cache
def sample() -> Table:
    return read_table(SAMPLE.read_bytes(), "the sample", ",")


def _drawn(name: str, row: int) -> float:
    return int.from_bytes(hashlib.sha256(f"{name}/{row}".encode()).digest()[:4]) / 2**32


def rows(count: int = 900, leaves: Callable[[int, int, str], float] | None = None) -> list[list[str]]:
    """Rows whose chance of leaving is `leaves(months, disputes, line)`."""
    chance = leaves or (lambda months, disputes, line: 0.6 - months / 100 + disputes / 10 + (line == "a") / 10)
    made = []
    for row in range(count):
        months, disputes = int(_drawn("months", row) * 60), int(_drawn("disputes", row) * 4)
        line = "a" if _drawn("line", row) < 0.5 else "b"
        gone = "y" if _drawn("gone", row) < chance(months, disputes, line) else "n"
        app, region = str(int(_drawn("app", row) < 0.4)), "n" if _drawn("region", row) < 0.5 else "s"
        made.append([f"P{row:05}", gone, str(months), str(disputes), line, app, region])
    return made


def csv(content: list[list[str]]) -> bytes:
    names = ["id", "gone", "months", "disputes", "line", "app", "region"]
    return "".join(",".join(cells) + "\n" for cells in [names, *content]).encode()


def table(content: list[list[str]] | None = None) -> Table:
    return read_table(csv(rows() if content is None else content), "the table", ",")
