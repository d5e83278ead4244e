"""Half a character (a lone surrogate) is refused where it comes in, in one line: UTF-8 cannot carry it any further."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from placet.entrypoints.main import Tools
from placet.entrypoints.tenant_files.contact import read_contact_policy
from placet.errors import ConfigurationError, PlacetError, PolicyError
from placet.governance.policy.set import PolicySet
from placet.interfaces.cli.app import run
from placet.notify.address_book import load_address_book
from placet.plugin_api import UnreadableError
from placet.plugin_api.answers import decode_json
from placet.service.documents.mandates import read_draft
from placet.service.policy_files import read_policy_files


def policies(path: Path) -> PolicySet:
    return PolicySet(read_policy_files(path))


COHORT = {"field": "status", "op": "eq", "value": "\ud800"}
DRAFT = {
    "tenant": "demo",
    "name": "summer-save",
    "drafted_by": "olga",
    "agent": "retention",
    "kinds": ["adjust_balance"],
    "treatments": ["goodwill_credit"],
    "cap_per_customer": "20.00 USD",
    "period_days": 30,
    "budget": "100.00 USD",
    "valid_from": "2026-03-01T00:00:00Z",
    "valid_until": "2026-04-01T00:00:00Z",
}
RULE = b'@id("%s") permit (principal, action, resource);'


@pytest.mark.parametrize(
    ("name", "data", "read", "kind"),
    [
        ("draft.json", b'{"tenant": "\\ud800"}', read_draft, ConfigurationError),
        ("draft.json", b'{"\\ud800": 1}', read_draft, ConfigurationError),
        ("draft.json", json.dumps({**DRAFT, "cohort": [COHORT]}).encode(), read_draft, ConfigurationError),
        ("draft.toml", b'tenant = "\\ud800"', read_draft, ConfigurationError),
        ("draft.toml", b'tenant = "\xed\xa0\x80"', read_draft, ConfigurationError),
        ("contact.toml", b'cool_down_days = "\\ud800"', read_contact_policy, PolicyError),
        ("contact.toml", b'cool_down_days = "\xed\xa0\x80"', read_contact_policy, PolicyError),
        ("addresses.toml", b'version = "\\ud800"', load_address_book, ConfigurationError),
        ("addresses.toml", b'version = "\xed\xa0\x80"', load_address_book, ConfigurationError),
        ("policy.cedar", RULE % b"\xed\xa0\x80", policies, PolicyError),
        ("policy.cedar", RULE % b"\\u{d800}", policies, PolicyError),
        ("\udcff.cedar", RULE % b"all", lambda file: policies(file.parent), PolicyError),
    ],
)
def test_a_file_that_holds_one_is_one_line(
    tmp_path: Path, name: str, data: bytes, read: Callable[[Path], object], kind: type[PlacetError]
) -> None:
    file = tmp_path / name
    file.write_bytes(data)
    with pytest.raises(kind) as refused:
        read(file)
    assert len(str(refused.value).splitlines()) == 1


def test_a_draft_without_one_is_read(tmp_path: Path) -> None:
    file = tmp_path / "draft.json"
    file.write_text(json.dumps({**DRAFT, "cohort": [{**COHORT, "value": "active"}]}))
    assert read_draft(file).cohort[0].value == "active"


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "show", "\udcff"),
        ("approve", "run-1", "--as", "anna", "--reason", "\udced\udca0\udc80"),
        ("backup", "/tmp/\udcff"),  # noqa: S108 - it is never opened
        ("keys", "list", "--\udcff"),
        ("\udcff",),
    ],
)
def test_an_argument_that_is_no_text_is_wrong_usage(
    tmp_path: Path,
    arguments: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in [name for name in os.environ if name.startswith("PLACET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PLACET_HOME", str(tmp_path / "home"))
    assert run(arguments, Tools()) == 2
    said = capsys.readouterr()
    assert (said.out, len(said.err.splitlines())) == ("", 1)
    assert "is not UTF-8 text" in said.err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("body", [b'{"id": "\\ud800"}', b'["\\uDFFF x"]', b'{"\\udc00": 1}', b'[{"a": [["\\ud83d"]]}]'])
def test_an_answer_that_holds_one_cannot_be_read(body: bytes) -> None:
    with pytest.raises(UnreadableError, match="a lone surrogate"):
        decode_json(body)


def test_an_answer_with_whole_characters_is_read() -> None:
    assert decode_json(b'{"\\u00e9": "\\ud83d\\ude00", "path": "C:\\\\ud800"}') == {"é": "😀", "path": "C:\\ud800"}
