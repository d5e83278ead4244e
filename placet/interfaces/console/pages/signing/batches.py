"""Deciding many at once by one signature with a passkey.

The statement holds the root of a tree over the members; the members themselves are kept beside it, and are shown and
used only while they are those under that root.
"""

import json
from typing import Any, Final, cast, get_args

from starlette.responses import Response

from placet.contracts.people.batch import Batch, BatchMember
from placet.contracts.proposal import Proposal
from placet.errors import GovernanceError, PolicyError, UsageError
from placet.governance.batches import MemberTree, shares
from placet.governance.signing.signed import predicate_type, read_document
from placet.interfaces.console.forms import Form
from placet.interfaces.console.pages.governance.batches import check_number, hand_over, name_of
from placet.interfaces.console.pages.signing.asking import Kind, ask_to_sign, required_passkeys
from placet.interfaces.console.parts import Asked
from placet.interfaces.console.prompts import Prompt
from placet.interfaces.console.views.common import first_upper
from placet.interfaces.console.views.documents import batch_to_sign
from placet.interfaces.console.views.governance.batches import lines_of, total_of
from placet.interfaces.console.views.signing import why_not_entitled
from placet.interfaces.console.views.statement import ToSign
from placet.service.deciding.batch_choice import BatchVerdict, Choice, parse_limits, prepare_batch
from placet.service.deciding.batches import batch_statement, draft_batch, take_shares
from placet.service.deciding.budget_room import rooms_for
from placet.service.deciding.decisions import pending_proposal
from placet.service.explaining import explain_policy


def ask(asked: Asked, form: Form) -> Response:
    """Make one statement over all that was chosen and still waits, and ask for a signature on it.

    The form says which proposal of each run the person looked at. What changed since, and what policy would not let
    this person decide, is left out, and the page that asks says so.
    """
    served, verdict = asked.parts.served, _verdict(form)
    required_passkeys(asked)
    asked.parts.deliveries.check_room()
    looked_at = _looked_at(form)
    check_number(len(looked_at))
    left: list[tuple[str, str]] = []
    chosen = [run_id for run_id, digest in looked_at.items() if not _left_out(asked, verdict, run_id, digest, left)]
    if not chosen:
        why = [f"{name_of(asked, run_id)}: {said}." for run_id, said in left[:3]]
        raise UsageError(" ".join(["Nothing of what was chosen can be decided here; nothing was signed.", *why]))
    prepared = prepare_batch(served.database, served.tenant, verdict, parse_limits({}), chosen)
    if any(looked_at[one.record.run_id] != one.digest for one in prepared.choices):
        raise UsageError(
            "A proposal was changed this very moment. Nothing was signed: choose again on the inbox.",
            code="changed_meanwhile",
        )
    batch, tree = draft_batch(prepared, tenant=served.tenant, signer=asked.visitor.name, reason=form.text("reason"))
    kept = {"members": [[one.run_id, one.proposal] for one in tree.members], "left": left}
    return ask_to_sign(asked, batch_statement(batch), json.dumps(kept))


def _verdict(form: Form) -> BatchVerdict:
    verdict = form.text("verdict")
    if verdict not in get_args(BatchVerdict):
        raise UsageError("This is no decision: press one of the buttons of the page.")
    return cast("BatchVerdict", verdict)


def _looked_at(form: Form) -> dict[str, str]:
    """Return the digest of the proposal that was looked at, by run id."""
    pairs = [one.partition(":") for one in form.text("members").split()]
    if not pairs or any(not digest for _, _, digest in pairs):
        raise UsageError("Nothing was chosen: choose on the inbox what you want to decide.", code="nothing")
    return {run_id: digest for run_id, _, digest in pairs}


def _left_out(asked: Asked, verdict: BatchVerdict, run_id: str, digest: str, left: list[tuple[str, str]]) -> bool:
    """Return whether a run is left out; if so, add to `left` why."""
    served = asked.parts.served
    try:
        _, now, _ = pending_proposal(served.database, run_id, served.tenant, verdict)
        if now != digest:
            left.append((run_id, "its proposal was changed after you opened the page"))
            return True
        approvers = explain_policy(served.database, served.tenant, run_id, served.policies_of).approvers
    except PolicyError:
        return False  # the review fails closed, and says it
    except (UsageError, GovernanceError) as error:
        left.append((run_id, str(error)))
        return True
    keys = required_passkeys(asked)
    why_not = why_not_entitled(asked.visitor.name, keys, approvers, approving=verdict == "approve")
    if why_not:
        left.append((run_id, why_not))
    return bool(why_not)


def _members(prompt: Prompt, batch: Batch) -> tuple[MemberTree, list[tuple[str, str]]]:
    """Return the members under the root that is signed, and what was left out."""
    kept: Any = json.loads(prompt.subject)
    tree = MemberTree([BatchMember(run_id=run_id, proposal=proposal) for run_id, proposal in kept["members"]])
    if (tree.size, tree.root) != (batch.size, batch.root):
        raise GovernanceError("the members of the batch are not those that would be signed", code="not_in_batch")
    return tree, [(run_id, why) for run_id, why in kept["left"]]


def _shown(asked: Asked, prompt: Prompt) -> ToSign:
    served, batch = asked.parts.served, read_document(prompt.asked, Batch)
    tree, left = _members(prompt, batch)
    choices = []
    with served.database.snapshot() as tx:
        for member in tree.members:
            record = tx.runs.get(member.run_id)
            if record is None or record.tenant != served.tenant or record.proposal != member.proposal:
                raise UsageError(
                    f"The proposal of {member.run_id} was changed meanwhile. Choose again on the inbox.",
                    code="changed_meanwhile",
                )
            proposal = tx.artifacts.get_model(member.proposal, Proposal, tenant=served.tenant)
            choices.append(Choice(record, member.proposal, proposal))
    notes = [f"Left out: {name_of(asked, run_id)}: {why}" for run_id, why in left]
    if batch.verdict == "approve":
        rooms = rooms_for(served.database, served.tenant, [one.proposal for one in choices])
        notes += [first_upper(str(room)) for room in rooms if not room.enough]
    return batch_to_sign(prompt.asked, batch, lines_of(choices), total_of(choices), notes)


def _take(asked: Asked, prompt: Prompt, envelope: str) -> Response:
    served, batch = asked.parts.served, read_document(prompt.asked, Batch)
    tree, left = _members(prompt, batch)
    made = shares(batch, tree, envelope)
    return hand_over(asked, take_shares(served.database, served.tenant, made), left)


BATCH: Final = Kind(predicate_type(Batch), "batches", _shown, _take)
