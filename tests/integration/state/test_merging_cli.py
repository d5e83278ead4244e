"""`placet profile merge|split|merges`: two ids are one person by an entitled signature, and two again by another."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from placet.service.state.taking import take_events
from tests.e2e.test_halt_cli import Installation
from tests.integration.state.sending import NOW, OLDEST, recharge


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    made.enroll("hana", "retention_head")
    made.enroll("anna", "retention_lead")
    yield made
    made.database.close()


def test_a_merge_is_signed_shown_listed_and_split(installation: Installation) -> None:
    placet = installation.placet
    events = [recharge(hour, id=f"{who}-{hour}", subject=f"customer:{who}") for who in ("C1", "C2") for hour in (1, 2)]
    assert take_events(installation.database, "demo", events, now=NOW, oldest=OLDEST).accepted == 4
    asked = ("profile", "merge", "C1", "C2", "--reason", "same passport", "--by", "olga")
    assert "'anna' may not merge customers" in placet(*asked, "--as", "anna", code=1)
    own = ("profile", "merge", "C1", "C2", "--reason", "same passport", "--by", "hana")
    assert "four-eyes-on-merges" in placet(*own, "--as", "hana", code=1)
    said = placet(*asked, "--as", "hana")
    assert "to be merged: C2 into C1\n" in said
    assert "C2 is C1, signed by hana" in said
    shown = json.loads(placet("state", "show", "C2", "--json"))
    assert (shown["version"], shown["one_person"]["ids"]) == (4, ["C1", "C2"])
    assert "counts events of C1, C2: one person since " in placet("state", "show", "C2")
    assert "Merged: C2 is C1, signed by hana" in placet("profile", "show", "C2")
    erased = placet("state", "erase", "C1", "--reason", "they asked for it", "--by", "dana")
    assert "C2 is the same person by a merge; of that id nothing was erased" in erased
    (merge,) = json.loads(placet("profile", "merges", "--json"))
    merge_id = merge["merge"]["document_id"]
    assert merge_id[:16] in placet("profile", "merges")
    split = ("profile", "split", merge_id[:12], "--reason", "two people", "--by", "olga")
    assert "split by hana" in placet(*split, "--as", "hana")
    assert "it was split by hana" in placet(*split, "--as", "hana", code=1)
    shown = json.loads(placet("state", "show", "C2", "--json"))
    assert (shown["version"], "one_person" in shown) == (2, False)
    assert "one person" not in placet("state", "show", "C2")
    assert "see `placet profile merges`" in placet("profile", "split", "f" * 32, *split[3:], "--as", "hana", code=1)
