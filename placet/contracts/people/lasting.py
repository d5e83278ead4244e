"""How long what a person signs may count."""

from datetime import timedelta
from typing import Final

MOST_DAYS: Final = 366
"""Of a token, a mandate with the period of its cap, and a delegation: a year, whichever year it is."""

LONGEST: Final = timedelta(days=MOST_DAYS)
