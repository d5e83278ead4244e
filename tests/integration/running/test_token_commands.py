"""`placet token issue|list|revoke`, as an administrator uses them: the token alone on stdout, once."""

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from placet.entrypoints.main import Tools
from placet.interfaces.cli.app import run
from placet.service.documents.access import holder_of
from tests.support.programs.command import Ran


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for words in (("migrate",), ("keys", "new", "root"), ("keys", "bootstrap", "root")):
        assert placet(tmp_path, *words).code == 0
    return tmp_path


def placet(home: Path, *words: str) -> Ran:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PLACET_")}
    own = {**clean, "PLACET_HOME": str(home), "PLACET_KEY_PASSPHRASE": "correct horse"}
    out, err, tools = io.StringIO(), io.StringIO(), Tools()
    with patch.dict(os.environ, own, clear=True), redirect_stdout(out), redirect_stderr(err):
        code = run(words, tools)
        if "_database" in vars(tools):
            tools.database().close()
    return Ran(code, out.getvalue(), err.getvalue())


def test_a_token_is_issued_listed_and_revoked(home: Path) -> None:
    assert placet(home, "token", "list").out == "no tokens\n"
    issued = placet(home, "token", "issue", "crm", "--role", "operator", "--role", "auditor", "--as", "root")
    assert (issued.code, issued.out.count("\n")) == (0, 1)
    token = issued.out.strip()
    token_id = token.split("_")[1]
    assert f"token {token_id} of crm as operator, auditor, until " in issued.err
    assert token not in issued.err
    tools = Tools()
    with patch.dict(os.environ, {"PLACET_HOME": str(home)}):
        database = tools.database()
        grant = holder_of(database, "demo", token, datetime.now(UTC))
        database.close()
    assert grant is not None
    assert grant.name == "crm"
    listed = placet(home, "token", "list").out
    assert listed.startswith(f"{token_id}  crm as operator, auditor, until ")
    assert token.split("_", 2)[2] not in listed + placet(home, "token", "list", "--json").out
    revoked = placet(home, "token", "revoke", token_id[:8], "--by", "olga", "--reason", "the server was sold")
    assert revoked.out.startswith(f"{token_id}  revoked ")
    words = placet(home, "audit", "log").out
    assert f"issued token {token_id}: crm may use the API as operator, auditor" in words
    assert f"REVOKED token {token_id} of crm" in words
    assert "the server was sold" in words


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("issue", "crm", "--role", "owner", "--as", "root"), 2, "--role 'owner' is none; known: operator, approver"),
        (("issue", "c r m", "--role", "operator", "--as", "root"), 1, "malformed: name"),
        (("issue", "crm", "--role", "operator", "--as", "nobody"), 1, "nobody.pem"),
        (("revoke", "abc"), 1, "0 tokens of tenant 'demo' begin with 'abc'"),
    ],
)
def test_what_cannot_be_issued_or_revoked_is_one_line(home: Path, words: tuple[str, ...], code: int, said: str) -> None:
    done = placet(home, "token", *words)
    assert (done.code, done.out) == (code, "")
    [line] = done.err.splitlines()
    assert said in line
