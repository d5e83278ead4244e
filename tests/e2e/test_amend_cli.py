"""`placet amend` and `placet inbox`: what is shown before the signature is what executes, and who is still missing."""

import json
import re

from placet.contracts.proposal import AdjustBalance
from tests.support.programs.command import Command
from tests.support.world import Approver, World


def signing(approver: Approver, world: World) -> tuple[str, ...]:
    (file,) = (world.settings.home / "keys").glob(f"{approver.name}-*.pem")
    return ("--as", approver.name, "--key-file", str(file))


def test_an_amended_credit_is_shown_signed_and_executed(a_world: World, command: Command, anna: Approver) -> None:
    run_id = a_world.pending("C00005")
    before = str(a_world.record(run_id).proposal)
    done = command("amend", run_id, "--amount", "5.00 USD", *signing(anna, a_world))
    assert (done.code, done.err) == (0, "")
    said = " ".join(done.out.split())
    assert "amount 5.00 USD credit; costs 5.00 USD" in said
    assert f"changes proposal {before}, which cost 7.00 USD" in said
    assert "as it was Goodwill credit (goodwill_credit): credit 7.00 USD once to balance" in said
    assert done.out.splitlines()[-2] == f"{run_id}  amend by anna: accepted"
    a_world.wait(run_id, "executed")
    mutation = a_world.proposal(run_id).mutation
    assert isinstance(mutation, AdjustBalance)
    assert str(mutation.amount) == "5.00 USD"


def test_what_cannot_be_amended_is_one_clear_line_and_nothing_is_sent(
    a_world: World, command: Command, anna: Approver
) -> None:
    run_id = a_world.pending("C00005")
    more = command("amend", run_id, "--amount", "9.00 USD", *signing(anna, a_world))
    assert more.refusal() == "placet: 9.00 USD is not less than 7.00 USD, which is proposed"
    unknown = command("amend", run_id, "--treatment", "yacht", *signing(anna, a_world))
    assert unknown.refusal().startswith("placet: treatment 'yacht' was not found eligible; eligible are: ")
    misspelt = command("amend", run_id, "--treatment", "Loyalty Bonus", *signing(anna, a_world))
    assert misspelt.refusal().startswith("placet: treatment 'Loyalty Bonus' was not found eligible; eligible are: ")
    neither = command("amend", run_id, *signing(anna, a_world))
    assert (neither.code, "give one of them" in neither.err) == (2, True)
    malformed = command("amend", run_id, "--amount", "five", *signing(anna, a_world))
    assert (malformed.code, "amount 'five' is malformed" in malformed.err) == (2, True)
    assert a_world.events(run_id, "approve.refused") == []


def test_the_inbox_says_who_is_asked_how_many_are_missing_and_until_when(
    a_world: World, command: Command, anna: Approver
) -> None:
    a_world.edit_policy(lambda text: text.replace('@gate_quorum("1")', '@gate_quorum("2")'))
    run_id = a_world.pending("C00005")
    accepted = command("approve", run_id, *signing(anna, a_world))
    assert accepted.out.splitlines()[-1] == f"{run_id}  approve by anna: accepted; 1 more must approve"
    waiting = command("run", "show", run_id)
    assert "\ndetail    1 more must approve.\n" in waiting.out
    assert "“1 more" not in waiting.out
    again = command("approve", run_id, *signing(anna, a_world))
    assert re.fullmatch(
        r"placet: anna approved it at [0-9: Z-]+; somebody else must sign as well; nothing was signed", again.refusal()
    )
    assert not a_world.events(run_id, "approve.refused")
    ben = a_world.approver("ben")
    shown = " ".join(command("approve", run_id, "--print", *signing(ben, a_world)).err.split())
    assert (
        "gate 2 people must approve; anna has; with this signature it goes to execution, after the last checks. digest"
        in shown
    )
    a_world.approver("anna")  # with a second key
    lines = [line.strip() for line in command("policy", "explain", run_id).out.splitlines() if " anna: has" in line]
    assert lines == ["no   anna: has approved it already"]
    (row,) = json.loads(command("inbox", "--json").out)
    assert (row["run_id"], row["roles"], row["quorum"], row["approvals"]) == (run_id, ["retention_lead"], 2, 1)
    shown = command("inbox", "--role", "retention_lead").out
    until = f"{row['expires_at'][:10]} {row['expires_at'][11:16]}Z"
    assert f"1 of 2 approvals, asks a retention lead, until {until}" in shown
    assert command("inbox", "--role", "care_manager").out == "nothing that waits is within these filters\n"
    a_world.send(run_id, a_world.sign_amendment(run_id, ben, amount="5.00 USD")[1])
    a_world.until(lambda: "amended by ben" in command("inbox").out, "the amendment")
