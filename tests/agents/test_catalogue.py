"""Adding an application is adding a folder."""

import subprocess
import sys
from pathlib import Path

import pytest

from agents import catalogue
from agents.catalogue import load, names
from placet.errors import UsageError


def test_retention_is_hosted() -> None:
    assert "retention" in names()
    application = load("retention")
    assert (application.name, application.gate_role, application.gate_ttl_hours) == ("retention", "retention_lead", 72)
    assert {read.operation for read in application.required_reads} == {
        "customer",
        "products",
        "bills",
        "balances",
        "usage",
    }


def test_an_unknown_agent_is_refused_with_the_known_ones() -> None:
    for name in ("nobody", "../retention", "", "testing"):
        with pytest.raises(UsageError, match=r"known: .*retention") as caught:
            load(name)
        assert caught.value.code == "unknown_agent"


def test_the_catalogue_names_no_application() -> None:
    assert "retention" not in Path(catalogue.__file__).read_text()


def test_listing_the_names_imports_no_application() -> None:
    code = "import sys; from agents.catalogue import names; names(); sys.exit('agents.retention.agent' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
