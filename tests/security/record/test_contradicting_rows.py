"""The row of a run says whom it is about and who asked for it; what people are shown and sign rests on the record."""

import pytest

from placet.errors import DecisionRefused
from placet.service.deciding.batch_choice import BatchLimits, prepare_batch
from placet.service.deciding.decisions import pending_proposal
from tests.support.databases import outsider
from tests.support.steps import Steps


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("customer_id = 'C77777'", "says customer “C77777”, its record 'C00005'"),
        ("requested_by = 'mallory'", "says asked for by “mallory”, its record 'olga'"),
        ("agent = 'advance'", "says agent “advance”, its record 'retention'"),
        ("reverses = 'run-00000000000000000009'", "says reverses “run-00000000000000000009”, its record None"),
    ],
)
def test_nobody_is_asked_to_sign_what_the_record_contradicts(
    steps: Steps, database_url: str, edit: str, said: str
) -> None:
    steps.to_the_gate()
    database, run_id = steps.parts.database, steps.run.run_id
    assert pending_proposal(database, run_id, "demo", "approve")
    assert len(prepare_batch(database, "demo", "reject", BatchLimits()).choices) == 1
    with outsider(database_url) as shell:
        shell(f"UPDATE run SET {edit}")  # noqa: S608
    with pytest.raises(DecisionRefused, match=f"{said}.*; nothing is signed on it") as caught:
        pending_proposal(database, run_id, "demo", "approve")
    assert caught.value.code == "row_contradicts_record"
