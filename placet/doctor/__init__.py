"""`placet doctor`: what is installed, reachable and misconfigured, without changing anything."""

from placet.doctor.diagnosis import diagnose
from placet.doctor.report import Finding, Report, SettingLine, show

__all__ = ["Finding", "Report", "SettingLine", "diagnose", "show"]
