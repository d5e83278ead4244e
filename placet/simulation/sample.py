"""The bundled sample of customers: public data, under the licence beside it (`placet/sandbox/data`)."""

import csv
from collections.abc import Mapping
from importlib import resources
from itertools import islice


def sample_rows(most: int) -> list[Mapping[str, str]]:
    """Return the first rows."""
    sample = resources.files("placet.sandbox").joinpath("data/telco_customers.csv")
    with sample.open(encoding="utf-8") as lines:
        return list(islice(csv.DictReader(lines), most))
