"""What is printed fits the terminal, goes on indented, and breaks no date."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placet.interfaces.cli.output import print_keys, print_line, wrapped
from placet.storage.governance.approvers import ListedKey
from tests.unit.support import a_key

WORDS = st.lists(st.sampled_from(["2026-03-01 12:00:00Z", "run-37220eeb997c2b791c7e", "--after", "a", "waits"]))
DATE = "2026-03-01 12:00:00Z"


@given(WORDS, st.integers(40, 100), st.integers(0, 15))
def test_a_line_fits_and_goes_on_indented_with_its_words_and_dates_whole(
    words: list[str], columns: int, indent: int
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("COLUMNS", str(columns))
        first, *more = wrapped(" ".join(words), indent).split("\n")
    margin = " " * min(indent, columns // 2)
    assert all(len(line) <= columns for line in (first, *more))
    assert all(line.startswith(margin) for line in more)
    assert " ".join((first, *(line.removeprefix(margin) for line in more))) == " ".join(words)
    assert sum(line.count(DATE) for line in (first, *more)) == words.count(DATE)


def test_a_piped_line_stays_whole(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    print_line("word " * 100)
    monkeypatch.delenv("COLUMNS")
    assert capsys.readouterr().out == f"{'word ' * 100}\n" == f"{wrapped('word ' * 100, 4)}\n"


def test_a_list_of_keys_can_be_read_in_60_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    _, key = a_key(roles=("retention_lead", "care_manager"), revoked_at=datetime(2026, 3, 1, tzinfo=UTC))
    print_keys([ListedKey(key.key_id, key.name, key, None)])
    assert capsys.readouterr().out.splitlines() == [
        f"{key.name}  {key.key_id[:16]}  revoked",
        "  ed25519; retention_lead, care_manager",
        f"  limit {key.limit}; valid until 2026-03-01 00:00Z",
    ]


def test_a_list_of_keys_keeps_ids_and_dates_whole_in_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, key = a_key(
        roles=("retention_lead", "care_manager", "retention_head"), revoked_at=datetime(2026, 3, 1, tzinfo=UTC)
    )
    print_keys([ListedKey(key.key_id, key.name, key, None)])
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert key.key_id[:16] in lines[1]
    assert "2026-03-01 00:00Z  revoked" in lines[1]
