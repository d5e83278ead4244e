"""The tables. The migrations create them and add the triggers that guard them."""

from placet.storage.tables.base import UtcDateTime, metadata
from placet.storage.tables.console import CONSOLE_PROMPT, CONSOLE_SESSION, DELIVERY, INVITATION
from placet.storage.tables.gate import APPROVER, DECISION, DELEGATION, EFFECT
from placet.storage.tables.kpis import KPI_COUNT, KPI_HOUSEHOLD, KPI_PART, KPI_SUM
from placet.storage.tables.merkle import LOG_CHECKPOINT, LOG_ENTRY, LOG_LEASE, LOG_NODE
from placet.storage.tables.oversight import CONTROL, HALT, MANDATE, MANDATE_USE, NOTIFICATION
from placet.storage.tables.record import ARTIFACT, AUDIT, ERASURE, RUN
from placet.storage.tables.state import (
    CUSTOMER_CHANGED,
    CUSTOMER_EVENT,
    CUSTOMER_KEY,
    CUSTOMER_MERGE,
    CUSTOMER_STATE,
    DEAD_LETTER,
)
from placet.storage.tables.strategies import JOURNEY, OUTCOME, ROLLOUT, ROLLOUT_MEMBER

__all__ = [
    "APPROVER",
    "ARTIFACT",
    "AUDIT",
    "CONSOLE_PROMPT",
    "CONSOLE_SESSION",
    "CONTROL",
    "CUSTOMER_CHANGED",
    "CUSTOMER_EVENT",
    "CUSTOMER_KEY",
    "CUSTOMER_MERGE",
    "CUSTOMER_STATE",
    "DEAD_LETTER",
    "DECISION",
    "DELEGATION",
    "DELIVERY",
    "EFFECT",
    "ERASURE",
    "HALT",
    "INVITATION",
    "JOURNEY",
    "KPI_COUNT",
    "KPI_HOUSEHOLD",
    "KPI_PART",
    "KPI_SUM",
    "LOG_CHECKPOINT",
    "LOG_ENTRY",
    "LOG_LEASE",
    "LOG_NODE",
    "MANDATE",
    "MANDATE_USE",
    "NOTIFICATION",
    "OUTCOME",
    "ROLLOUT",
    "ROLLOUT_MEMBER",
    "RUN",
    "UtcDateTime",
    "metadata",
]
