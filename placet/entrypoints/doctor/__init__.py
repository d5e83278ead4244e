"""`placet doctor`: what is installed, reachable and misconfigured, without changing anything."""

from placet.entrypoints.doctor.diagnosis import diagnose
from placet.entrypoints.doctor.report import Finding, Report, SettingLine, show

__all__ = ["Finding", "Report", "SettingLine", "diagnose", "show"]
