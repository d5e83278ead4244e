"""`placet state` from the outside: events in, also by a program that is killed in the middle, and what they led to."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.test_demo import environment
from tests.integration.state.sending import recharge
from tests.support.programs.placet_process import one_line, placet

PLACET = [sys.executable, "-m", "placet.entrypoints.program"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    assert placet(tmp_path, "migrate").returncode == 0
    return tmp_path


def simulated(home: Path, customers: int = 6) -> bytes:
    made = placet(home, "state", "simulate", "--customers", str(customers), "--days", "60", "--truth", str(home / "t"))
    assert made.returncode == 0, made.stderr
    assert len((home / "t").read_text().splitlines()) == customers
    return made.stdout.encode()


def test_events_are_simulated_taken_and_shown(home: Path) -> None:
    file = home / "events.jsonl"
    file.write_bytes(simulated(home))
    number = len(file.read_bytes().splitlines())
    assert placet(home, "state", "ingest", str(file)).stdout == f"{number} events taken\n"
    again = json.loads(placet(home, "state", "ingest", str(file), "--json").stdout)
    assert again == {"accepted": 0, "repeated": number, "refused": {}}
    shown = placet(home, "state", "show", "C00003").stdout
    assert "from      “simulated”" in shown
    assert "90 days   " in shown
    state = json.loads(placet(home, "state", "show", "C00003", "--json").stdout)
    assert state["version"] == sum(json.loads(line)["subject"] == "customer:C00003" for line in file.open())
    assert "no event of this customer is known" in placet(home, "state", "show", "C99999").stdout
    assert "$schema" in json.loads(placet(home, "state", "schema").stdout)


def test_a_household_is_shown_and_a_customer_is_erased(home: Path) -> None:
    event = {"type": "placet.household.changed.v1", "data": {"household_id": "H1"}}
    (home / "events").write_bytes(b"\n".join(recent(customer, **event) for customer in ("C1", "C2")))
    assert placet(home, "state", "ingest", str(home / "events")).returncode == 0
    shown = placet(home, "state", "show", "--household", "H1").stdout
    assert "household H1" in " ".join(shown.split())
    assert "member C1: no product is known" in " ".join(shown.split())
    assert "no member of this household is known" in placet(home, "state", "show", "--household", "H9").stdout
    assert "household" in one_line(placet(home, "state", "show", "C1", "--household", "H1"))
    assert "household" in one_line(placet(home, "state", "show"))
    erased = placet(home, "state", "erase", "C1", "--reason", "they asked for it", "--by", "dana")
    assert erased.stdout.startswith("erased 1 event, 0 dead letters and 0 keys\n"), erased.stderr
    state = json.loads(placet(home, "state", "show", "--household", "H1", "--json").stdout)
    assert [one["customer_id"] for one in state["members"]] == ["C2"]
    assert "no event of customer 'C1' is kept" in one_line(placet(home, "state", "erase", "C1", "--reason", "again"))
    assert "ERASED what was kept of customer C1: 1 event" in placet(home, "audit", "log").stdout


def recent(customer: str, **changes: object) -> bytes:
    now = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    return recharge(1, id=f"join-{customer}", subject=f"customer:{customer}", time=now, **changes)


def test_what_cannot_be_taken_is_a_dead_letter_and_stops_nothing(home: Path) -> None:
    (home / "events").write_bytes(b"{broken\n" + simulated(home, 1) + b"x" * 300_000)
    done = placet(home, "state", "ingest", str(home / "events"))
    assert done.returncode == 1
    assert "1 not taken (malformed); first, in line 1: it is not JSON: " in done.stdout
    lines = (home / "events").read_bytes().count(b"\n") + 1
    assert f"1 not taken (too large); first, in line {lines:,}: it has " in done.stdout
    listed = placet(home, "state", "deadletters", "list").stdout.splitlines()
    # Both arrived at the same moment, in whose order they are listed by their ids.
    assert sorted(line.split("  ")[2].partition(":")[0] for line in listed) == ["malformed", "too large"]
    assert json.loads(placet(home, "state", "deadletters", "list", "--code", "malformed", "--json").stdout)[0][
        "content"
    ]
    assert placet(home, "state", "deadletters", "retry").returncode == 1
    assert one_line(placet(home, "state", "ingest", str(home / "none"))).endswith("No such file or directory")
    assert "not a customer id" in one_line(placet(home, "state", "show", "a b"))


def test_of_a_program_that_is_killed_in_the_middle_nothing_is_lost_and_nothing_counts_twice(home: Path) -> None:
    text = simulated(home, 20)
    lines = text.splitlines(keepends=True)
    half = len(lines) // 2 // 1000 * 1000 + 1500
    taking = subprocess.Popen(
        [*PLACET, "state", "ingest", "-"], env=environment(home), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert taking.stdin is not None
    taking.stdin.write(b"".join(lines[:half]))
    taking.stdin.flush()
    taking.send_signal(signal.SIGKILL)
    taking.wait()
    again = subprocess.run(
        [*PLACET, "state", "ingest", "-", "--json"], env=environment(home), input=text, capture_output=True, check=True
    )
    done = json.loads(again.stdout)
    assert done["accepted"] + done["repeated"] == len(lines)
    assert done["refused"] == {}
    subjects = [json.loads(line)["subject"] for line in lines]
    for customer in ("C00001", "C00011", "C00020"):
        state = json.loads(placet(home, "state", "show", customer, "--json").stdout)
        assert state["version"] == subjects.count(f"customer:{customer}")


def test_whose_a_key_is_is_said_with_the_reason_where_it_is_nobody(home: Path) -> None:
    number = "msisdn:+4915112345678"
    link = {"type": "placet.key.declared.v1", "data": {"key": number}}
    (home / "events").write_bytes(recent("C1", **link))
    assert placet(home, "state", "ingest", str(home / "events")).returncode == 0
    found = placet(home, "state", "identify", "msisdn:0049 151 1234-5678")
    assert found.returncode == 0
    assert " ".join(found.stdout.split()).startswith("customer C1 known C1 has it, said by “bss” 20")
    nobody = placet(home, "state", "identify", "device:D1", "--json")
    assert nobody.returncode == 1
    assert json.loads(nobody.stdout)["reason"] == "nobody is known by 'device:D1'"
    assert "an e-mail address is kept nowhere" in one_line(placet(home, "state", "identify", "email:a@example.org"))
    assert "with its country code" in one_line(placet(home, "state", "identify", "msisdn:0151"))
    shown = placet(home, "profile", "show", "C1").stdout
    assert "Telephone number: +49…78 (declared)  [from an event of “bss”, " in shown
    assert "billing was not asked about this customer yet" in shown
    assert "+4915112345678" not in shown
    assert "+4915112345678" in placet(home, "profile", "show", "C1", "--reveal").stdout
    assert json.loads(placet(home, "profile", "show", "C1", "--json").stdout)["keys_masked"] is True
    assert "nothing is known of customer 'C9'" in one_line(placet(home, "profile", "show", "C9"))
    erased = placet(home, "state", "erase", "C1", "--reason", "they asked for it", "--by", "dana")
    assert erased.stdout.startswith("erased 1 event, 0 dead letters and 1 key\n"), erased.stderr


def test_a_pipe_that_nobody_writes_is_refused_and_not_waited_for(home: Path) -> None:
    pipe = home / "pipe"
    os.mkfifo(pipe)
    refused = placet(home, "state", "ingest", str(pipe))
    assert refused.returncode == 1
    assert one_line(refused) == f"placet: cannot read '{pipe}': it is not an ordinary file; `-` reads what is piped"
    missing = one_line(placet(home, "state", "ingest", str(home / "none")))
    assert missing.endswith("none': No such file or directory")
