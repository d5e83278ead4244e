"""Verification sees one moment: what is appended, integrated and signed meanwhile is no sign of tampering."""

from pathlib import Path
from typing import Any

import pytest

from placet.storage.database import Database
from placet.storage.log.audit_log import AuditLog
from tests.support.logs import identity, record, sequencer, verified


def test_a_log_that_grows_while_it_is_verified_is_whole(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = identity(tmp_path)
    record(database, 6)
    sequencer(database, who).advance()
    verify = AuditLog.verify

    def under_traffic(log: AuditLog, stream: str) -> Any:
        monkeypatch.setattr(AuditLog, "verify", verify)
        record(database, 6, first=6, runs=5)
        sequencer(database, who).advance()
        return verify(log, stream)

    monkeypatch.setattr(AuditLog, "verify", under_traffic)
    found = verified(database, who)
    assert (found.streams, found.entries, found.checkpoints, found.pending) == (3, 6, 1, 0)
    assert verified(database, who).entries == 12
