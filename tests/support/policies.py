"""Policies that a test may change."""

import shutil
from pathlib import Path

from placet.entrypoints.environment import CHECKOUT

LENIENT = """\
cool_down_days = 0
period_days = 365
max_per_period = 1000
max_cost_per_period = "50000.00 USD"
"""
"""A contact policy that is hardly ever in the way."""


def own_policies(home: Path, tenant: str = "demo") -> Path:
    """A folder of policies for `tenant` that a test may change; at first those of the application.

    Its contact policy lets one customer be treated again and again: most tests are about something else.
    """
    folder = home / "policies"
    (folder / tenant).mkdir(parents=True)
    shutil.copy(CHECKOUT / "agents" / "retention" / "policy.cedar", folder / tenant)
    (folder / tenant / "contact.toml").write_text(LENIENT)
    return folder
