"""Derive `churn_rates.toml` from a customer sample.

`python -m agents.counts_fallback.churn_rates <csv> > churn_rates.toml`

Columns used: churn, contract, tenure, internet_service. The demographic columns are never read.
"""

import csv
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from placet.errors import UsageError

TENURE_BANDS = (0, 7, 13, 25, 49)
"""Lower bounds in months: up to half a year, a year, two years, four years, longer."""

SOURCE = "IBM Telco customer churn sample as packaged in modeldata (MIT): observed counts"

_CONTRACTS = {"Month-to-month": "month_to_month", "One year": "one_year", "Two year": "two_year"}
_INTERNET = {"DSL": "dsl", "Fiber optic": "fiber_optic", "No": "none"}


def derive_toml(rows: Iterable[Mapping[str, str]]) -> str:
    """Write the table as TOML text, deterministic in the rows."""
    observed: Counter[tuple[str, int, str]] = Counter()
    churned: Counter[tuple[str, int, str]] = Counter()
    for row in rows:
        band = max(lower for lower in TENURE_BANDS if lower <= int(row["tenure"]))
        kind = (_CONTRACTS[row["contract"]], band, _INTERNET[row["internet_service"]])
        observed[kind] += 1
        churned[kind] += row["churn"] == "Yes"
    lines = [
        "# Derived; do not edit: python -m agents.counts_fallback.churn_rates <csv>",
        f'source = "{SOURCE}"',
        f"tenure_bands = {list(TENURE_BANDS)}",
        "cells = [",
    ]
    for kind in sorted(observed):
        contract, band, internet = kind
        lines.append(
            f'  {{ contract = "{contract}", tenure_from = {band}, internet_service = "{internet}", '
            f"churned = {churned[kind]}, observed = {observed[kind]} }},"
        )
    return "\n".join([*lines, "]", ""])


def main(arguments: list[str]) -> None:
    """Write the table derived from the named CSV file to standard output.

    Raises:
        UsageError: Not exactly one readable file was named.
    """
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        raise UsageError(f"name one CSV file with the customer sample, not {arguments!r}")
    with Path(arguments[0]).open(encoding="utf-8", newline="") as file:
        sys.stdout.write(derive_toml(csv.DictReader(file)))


if __name__ == "__main__":
    main(sys.argv[1:])
