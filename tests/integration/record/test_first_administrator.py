"""The program is killed in the middle of the setup: whoever held the code is the administrator, or may begin again."""

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from placet.governance.signing.pins import AdministratorsFile
from placet.governance.signing.signed import document_statement
from placet.service.documents.first_administrator import (
    SetupCode,
    digest_of_code,
    draft_first,
    finish_first,
    take_first,
)
from placet.storage.database import Database
from placet.storage.governance.enrolment import Trust
from tests.support.authenticator import Authenticator
from tests.support.guard import GUARD

KILLED = """
import os, signal, sys
from pathlib import Path
from placet.governance.signing.pins import AdministratorsFile
from placet.service.documents import first_administrator as setup
from tests.integration.record.test_first_administrator import become_first, opened

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

home, point, code = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
if point == "before the enrolment is kept":
    setup.SetupCode.keep_enrolment = die
elif point == "before the pin":
    AdministratorsFile.add = die
elif point == "before the record":
    setup.take_enrolment = die
elif point == "after the record":
    setup.SetupCode.drop_enrolment = die
become_first(home, opened(home), code)
"""


def opened(home: Path) -> Database:
    database = Database(f"sqlite:///{home / 'placet.db'}", trust=Trust(home / "administrators"))
    database.migrate()
    return database


def become_first(home: Path, database: Database, text: str, name: str = "root", code: SetupCode | None = None) -> str:
    """Register a passkey of one's own, and be the first administrator; returns the key's id."""
    device = Authenticator()
    request = device.request(name)
    statement = document_statement(draft_first(tenant="demo", request=request))
    take_first(
        database,
        device.envelope(statement),
        tenant="demo",
        request=request,
        code=code or SetupCode(home / "setup.code", "demo"),
        digest=digest_of_code(text),
    )
    return request.key_id


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = opened(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("point", "is_administrator"),
    [
        ("before the enrolment is kept", False),
        ("before the pin", False),
        ("before the record", True),
        ("after the record", True),
    ],
)
def test_a_setup_that_was_killed_is_finished_or_begun_again(
    tmp_path: Path, database: Database, point: str, is_administrator: bool
) -> None:
    setup = SetupCode(tmp_path / "setup.code", "demo")
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), point, setup.issue()],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    for _ in range(2):
        finish_first(database, tenant="demo", code=setup)
    with database.reading() as tx:
        standing = [one.name for one in tx.approvers.list("demo")]
        events = [event.kind for event in tx.audit.read("tenant/demo")]
    pinned = set(database.trust.pinned("demo"))
    assert standing == (["root"] if is_administrator else [])
    assert events.count("key.enrolled") == len(pinned) == len(standing)
    assert sorted(path.name for path in tmp_path.glob("setup.*")) == []
    if not is_administrator:
        assert database.trust.administrators.names_nobody("demo")
        become_first(tmp_path, database, setup.issue(), "rita")
        with database.reading() as tx:
            assert [one.name for one in tx.approvers.list("demo")] == ["rita"]


def test_a_kept_enrolment_makes_nobody_an_administrator_by_itself(tmp_path: Path, database: Database) -> None:
    setup, device = SetupCode(tmp_path / "setup.code", "demo"), Authenticator()
    request = device.request("mallory")
    setup.keep_enrolment(device.envelope(document_statement(draft_first(tenant="demo", request=request))))
    finish_first(database, tenant="demo", code=setup)
    setup.keep_enrolment(json.dumps({"no": "envelope"}))
    finish_first(database, tenant="demo", code=setup)
    assert setup.kept_enrolment() is None
    with database.reading() as tx:
        assert tx.approvers.list("demo") == ()
    assert database.trust.administrators.names_nobody("demo")


def test_the_code_of_a_tenant_opens_no_other_tenant_s_door(tmp_path: Path) -> None:
    demo, other = (SetupCode(tmp_path / "setup.code", tenant) for tenant in ("demo", "other"))
    code = demo.issue()
    assert (other.is_open(), other.check(code), other.claim(digest_of_code(code))) == (False, False, False)
    other.close()
    demo.keep_enrolment("{}")
    assert other.kept_enrolment() is None
    other.drop_enrolment()
    assert (demo.check(code), demo.kept_enrolment()) == (True, "{}")


def test_who_looks_while_somebody_is_being_pinned_takes_it_for_no_crash(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = SetupCode(tmp_path / "setup.code", "demo")
    add = AdministratorsFile.add
    looking = threading.Thread(target=finish_first, args=(database,), kwargs={"tenant": "demo", "code": code})

    def slowly(self: AdministratorsFile, *given: Any) -> None:
        looking.start()
        looking.join(0.5)
        assert code.kept_enrolment() is not None
        add(self, *given)

    monkeypatch.setattr(AdministratorsFile, "add", slowly)
    become_first(tmp_path, database, code.issue(), code=code)
    looking.join(GUARD)
    with database.reading() as tx:
        assert [one.name for one in tx.approvers.list("demo")] == ["root"]


def test_a_code_that_another_process_replaced_meanwhile_is_not_used_up_by_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "setup-code"
    code, other = SetupCode(path, "demo"), SetupCode(path, "other")
    old = digest_of_code(code.issue())
    read, replaced = SetupCode._read, list[str]()

    def then_replaced(self: SetupCode, path: Path | None = None) -> Any:
        known = read(self, path)
        if not replaced:
            replaced.append(other.issue())
        return known

    monkeypatch.setattr(SetupCode, "_read", then_replaced)
    assert not code.claim(old)
    assert other.claim(digest_of_code(replaced[0]))
    assert not other.is_open()
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_try_brings_back_no_code_that_another_process_used_up_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "setup-code"
    here, there = SetupCode(path, "demo"), SetupCode(path, "demo")
    right = here.issue()
    read, used = SetupCode._read, list[bool]()

    def then_used(self: SetupCode, path: Path | None = None) -> Any:
        known = read(self, path)
        if not used:
            used.append(False)
            used.append(there.claim(digest_of_code(right)))
        return known

    monkeypatch.setattr(SetupCode, "_read", then_used)
    assert not here.check("WRONG")
    assert used == [False, True]
    assert not here.is_open()
    assert not there.claim(digest_of_code(right))
    assert list(tmp_path.iterdir()) == []
