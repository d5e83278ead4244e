"""The churn table is the sample's counts, nothing else, and no protected attribute enters it."""

import csv
from pathlib import Path

import pytest

import agents.counts_fallback.churn_rates as derivation
from agents.counts_fallback.churn_rates import derive_toml, main
from placet.decisioning.churn import ChurnTable
from placet.errors import UsageError
from placet.toml_files import load_toml
from tests.agents.support import customer

HERE = Path(derivation.__file__).parent
SAMPLE = HERE.parent.parent / "placet" / "sandbox" / "data" / "telco_customers.csv"
PROTECTED = ("female", "senior_citizen", "partner", "dependents")


def rows() -> list[dict[str, str]]:
    with SAMPLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_shipped_table_equals_the_derivation() -> None:
    assert derive_toml(rows()) == (HERE / "churn_rates.toml").read_text()


def test_the_derivation_reads_no_protected_attribute() -> None:
    blind = [{name: value for name, value in row.items() if name not in PROTECTED} for row in rows()]
    assert derive_toml(blind) == derive_toml(rows())


def test_the_counts_add_up_to_the_sample() -> None:
    table = load_toml(HERE / "churn_rates.toml", ChurnTable, "the table")
    assert sum(cell.observed for cell in table.cells) == len(rows())
    assert sum(cell.churned for cell in table.cells) == sum(row["churn"] == "Yes" for row in rows())


def test_the_probability_is_the_smoothed_rate_of_customers_alike() -> None:
    table = load_toml(HERE / "churn_rates.toml", ChurnTable, "the table")
    assert table.probability_bp(customer(tenure_months=6)) == 7282  # (342 + 1) / (469 + 2)
    assert table.probability_bp(customer(tenure_months=7)) == 6233  # (138 + 1) / (221 + 2)


def test_the_derivation_needs_one_file() -> None:
    with pytest.raises(UsageError, match="name one CSV file"):
        main([])
