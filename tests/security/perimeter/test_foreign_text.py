"""Whoever writes into the record (a model, an approver, the BSS) cannot steer a terminal or fake a line of ours."""

import io
import json
import re
import sys
import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from agents.testing import ScriptedInference
from placet.contracts.billing import Balance, HeldProduct
from placet.contracts.money import Money
from placet.contracts.proposal import AdjustBalance
from placet.interfaces.cli import output
from tests.support.programs.command import Command
from tests.support.world import World

TRICKS = (
    "no\nstate     executed\r\x1b[5A\x1b[2K\x1b]8;;http://evil\x07x\x9b2J\u202e\u2066\u061c\u200f\u200b\ufeff"
    "\u2028state     executed\x85 [bold]x[/] [/crm 17] :warning: \U000e0041e" + "\u0301" * 20
)
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def clean(text: str) -> None:
    """Every line is a line, and nothing in it is unseen."""
    assert text == "".join(line + "\n" for line in text.split("\n")[:-1])
    assert not [one for one in text.replace("\n", "") if unicodedata.category(one) in UNSEEN]
    assert "\u0301" * 4 not in text


def test_no_word_of_a_stranger_steers_the_terminal_or_fakes_a_line(a_world: World, command: Command) -> None:
    run_id = a_world.pending("C00005")
    anna = a_world.approver("anna")
    a_world.send(run_id, a_world.sign(run_id, anna, "reject", reason=TRICKS))
    a_world.wait(run_id, "rejected")
    halted = command("halt", "--reason", TRICKS, "--by", "olga")
    waiting = a_world.pending("C00009")
    a_world.send(waiting, {"payloadType": TRICKS, "payload": "", "signatures": []})
    a_world.refusal(waiting)
    commands: list[tuple[str, ...]] = [
        ("run", "list"),
        ("run", "show", run_id),
        ("run", "show", waiting),
        ("run", "wait", run_id),
        ("audit", "log", run_id),
        ("audit", "log", waiting),
        ("audit", "log"),
        ("inbox",),
        ("halts",),
        ("policy", "explain", run_id),
        ("notifications",),
    ]
    clean(halted.out)
    for arguments in commands:
        ran = command(*arguments)
        assert ran.code == 0, ran.err
        clean(ran.out)
        assert not re.search(r"^\s*state\s+executed", ran.out, re.MULTILINE), arguments
    shown = command("run", "show", run_id).out
    assert "[bold]x[/] [/crm 17] :warning:" in " ".join(shown.split())
    assert re.search(r"^detail    “rejected by anna: no␊state executed␍␛\[5A", shown, re.MULTILINE)
    assert "REJECTED the proposal as retention lead; anna wrote: “no␊state executed" in " ".join(shown.split())
    exact = json.loads(command("audit", "log", run_id, "--json").out)
    assert [one["body"]["reason"] for one in exact if one["kind"] == "approve.decided"] == [TRICKS]
    assert command("audit", "log", run_id, "--json").out.isascii()
    refused = command("run", "show", TRICKS)
    assert refused.refusal().startswith("placet: ")
    clean(refused.err)


def test_52_line_breaks_of_the_model_push_nothing_off_the_screen(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    world.stop_worker()
    world.inference = ScriptedInference({"propose": {"rationale": "x\n" * 52 + "\x1b[2J"}})
    world.start_worker()
    run_id = world.pending("C00005")
    buffer = io.StringIO()
    monkeypatch.setattr(sys, "stdout", buffer)
    output.print_proposal(world.proposal(run_id), "0" * 64)
    clean(buffer.getvalue())
    lines = [line.strip() for line in buffer.getvalue().splitlines()]
    assert "what a signature is for" in lines[-24:]
    assert any("the model's words failed a check" in line for line in lines)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("letter", ["x", "数"])
def test_a_long_reason_does_not_wrap_into_a_line_that_looks_like_ours(
    monkeypatch: pytest.MonkeyPatch, letter: str
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", "80")
    output.print_field("detail", letter * 70 + " state     executed " + letter * 200)
    first, *more = terminal.getvalue().splitlines()
    assert more
    assert all(line.startswith(" " * 10) for line in more)
    assert max(len(line) * (1 if letter == "x" else 2) for line in (first, *more)) <= 80 + 20


ODD = ["B-1\ncosts     0.00 USD", "B\x1b[2J", "B\u202e1", "B\u200b1", " B", "B  1", "B\u2028", "x" * 81, ""]


@pytest.mark.parametrize("odd", ODD)
def test_an_identifier_that_cannot_be_read_is_no_evidence_and_in_no_proposal(odd: str) -> None:
    amount = Money(amount_minor=1, currency="USD")
    made: list[Callable[[], Any]] = [
        lambda: Balance(bucket_id=odd, name="n", status="active", remaining=amount),
        lambda: HeldProduct(product_id=odd, offering_id="o", name="n", status="active"),
        lambda: HeldProduct(product_id="p", offering_id=odd, name="n", status="active"),
        lambda: AdjustBalance(customer_id="C1", bucket_id=odd, amount=amount, reason="r"),
    ]
    for make in made:
        with pytest.raises(ValidationError):
            make()
