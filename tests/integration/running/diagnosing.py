"""What tests of `placet doctor` share: an installation in which nobody set anything, and its findings by check."""

from pathlib import Path
from typing import Any

from placet.doctor.report import Finding, Report
from placet.entrypoints.processes.process import free_port
from placet.entrypoints.settings import Settings


def untouched(home: Path, **values: Any) -> Settings:
    """Settings nobody set; the default ports are replaced by free ones, since others use this machine too."""
    ports = {
        "temporal_address": f"127.0.0.1:{free_port()}",
        "bss_url": f"http://127.0.0.1:{free_port()}",
        "model_url": f"http://127.0.0.1:{free_port()}/v1",
    }
    return Settings.model_construct(_fields_set=set(values), **{"home": home, **ports, **values})


def of(report: Report, check: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.check == check]


def one(report: Report, check: str) -> Finding:
    (finding,) = of(report, check)
    return finding
