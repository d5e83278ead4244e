"""A run takes the probability of leaving from the tenant's model, names it, and proposes nothing without one."""

import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from agents.catalogue import load
from agents.likelihood import LikelihoodSource
from placet.contracts.base import Frozen
from placet.contracts.billing import Evidence
from placet.contracts.customer import CustomerProfile
from placet.contracts.propensity.likelihood import Likelihood
from placet.contracts.proposal import Proposal, Reason
from placet.contracts.state import CustomerState
from placet.decisioning.contact import ContactPolicy
from placet.doctor.diagnosis import PROBES
from placet.entrypoints.likelihoods import Likelihoods, in_words, named_source
from placet.entrypoints.processes.stack import Stack
from placet.entrypoints.propensity import InstalledModels
from placet.entrypoints.settings import Settings, load_settings
from placet.errors import ConfigurationError, UsageError
from placet.interfaces.telling.models import card_lines
from placet.replay.weighing.rederivation import rederive
from tests.support.steps import Steps

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    digest, _, _ = InstalledModels(Settings(propensity_dir=folder), "demo").train(None, None, TODAY)
    return digest, folder


def configured(trained: tuple[str, Path], home: Path) -> Settings:
    digest, folder = trained
    return Settings(home=home, propensity_dir=folder, churn_sources={"demo": digest})


def use(steps: Steps, source: LikelihoodSource | None) -> None:
    context = replace(steps.parts.context, likelihood=lambda _tenant: source)
    steps.parts = replace(steps.parts, context=context)


def judged(
    steps: Steps, proposal: Proposal, settings: Settings, evidence: Evidence | None = None
) -> tuple[list[str], list[str]]:
    def contact(tenant: str, agent: str) -> ContactPolicy:
        return steps.parts.context.contact(tenant, agent)

    with steps.parts.database.reading() as tx:

        def fetch(digest: str, kind: type[BaseModel]) -> BaseModel:
            if evidence is not None and digest == proposal.evidence:
                return evidence
            return tx.artifacts.get_model(digest, kind, tenant="demo")

        return rederive(proposal, fetch, load, contact, lambda tenant, digest: named_source(settings, tenant, digest))


def stored(steps: Steps, digest: str | None, kind: type[Frozen]) -> Frozen:
    with steps.parts.database.reading() as tx:
        return tx.artifacts.get_model(str(digest), kind, tenant="demo")


def test_the_model_s_probability_reasons_and_digest_are_in_the_proposal_and_are_checked(
    steps: Steps, trained: tuple[str, Path], tmp_path: Path
) -> None:
    settings = configured(trained, tmp_path)
    use(steps, Likelihoods(settings)("demo"))
    proposed, _ = steps.to_the_gate()
    proposal = stored(steps, proposed.digest, Proposal)
    assert isinstance(proposal, Proposal)
    assert proposal.basis is not None
    assert proposal.basis.churn == trained[0]
    reasons = [fact.detail for fact in proposal.facts if fact.code == "churn_reason"]
    assert reasons[0].endswith(" raises it most")
    named = [one.detail for one in proposal.assumptions if one.code == "churn_model"]
    assert named == [f"churn model {trained[0][:16]}, trained 2026-01-01 on 5263 customers"]
    faults, notes = judged(steps, proposal, settings)
    assert (faults, notes[-1]) == ([], "candidates and expected values were computed again from the evidence")

    lie = tuple(
        Reason(code="churn_bp", detail="1 % of customers like this one leave") if fact.code == "churn_bp" else fact
        for fact in proposal.facts
    )
    faults, _ = judged(steps, proposal.model_copy(update={"facts": lie}), settings)
    assert [fault.partition(" (")[0] for fault in faults] == [
        "what the proposal says of the probability of leaving is not what follows from the evidence"
    ]
    without = Settings(home=tmp_path, propensity_dir=tmp_path / "none")
    faults, notes = judged(steps, proposal, without)
    assert faults == []
    assert notes[-1] == (
        "the probability of leaving was not checked, nor expected values computed again: "
        f"churn model {trained[0][:16]} is not held here"
    )


def test_without_model_and_fallback_nothing_is_proposed_and_the_reason_is_recorded(steps: Steps) -> None:
    use(steps, None)
    analysed = steps.analyse()
    proposed = steps.propose(analysed, steps.query(analysed))
    assert proposed.proposal is None
    assert proposed.summary.startswith("nothing: there is no churn model for this tenant, and no fallback to counts")
    with steps.parts.database.reading() as tx:
        entry = tx.audit.find(steps.run.run_id, "propose.completed")
    assert entry is not None
    assert (entry.body["proposal"], entry.body["candidates"]) == (None, [])
    assert "no churn model" in str(entry.body["reason"])


class Unfed:
    """A model of whose customer a run does not know enough."""

    digest = "a" * 64
    named = "a model"

    def before_reading(self, customer: CustomerProfile) -> int | None:
        """Nothing."""

    def read(self, evidence: Evidence, state: CustomerState | None) -> Likelihood:
        """Refuse."""
        raise UsageError("what was read does not say monthly charge", code="missing_feature")


def test_a_feature_that_was_not_read_ends_the_run_without_a_proposal_and_is_named(steps: Steps) -> None:
    use(steps, Unfed())
    analysed = steps.analyse()
    proposed = steps.propose(analysed, steps.query(analysed))
    assert (proposed.proposal, proposed.summary) == (None, "nothing: what was read does not say monthly charge")
    assert steps.propose(analysed, steps.query(analysed)) == proposed


def test_a_file_that_is_another_model_is_refused_at_the_start(trained: tuple[str, Path], tmp_path: Path) -> None:
    digest, folder = trained
    other = tmp_path / "models" / "demo"
    other.mkdir(parents=True)
    (other / f"{digest}.json").write_bytes((folder / "demo" / f"{digest}.json").read_bytes() + b" ")
    with pytest.raises(ConfigurationError, match="it is another model, or was changed"):
        Likelihoods(configured((digest, tmp_path / "models"), tmp_path))
    with pytest.raises(ConfigurationError, match=r"names model a{16}… for tenant 'demo', which is not in"):
        Likelihoods(configured(("a" * 64, folder), tmp_path))
    with pytest.raises(ConfigurationError, match="names tenant 'acme'"):
        Likelihoods(Settings(home=tmp_path, churn_sources={"acme": "counts"}))


def test_a_model_whose_mapping_names_a_figure_that_no_window_has_is_for_no_run_to_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an earlier version trained one: each run would have read 0."""
    text = (ROOT / "agents" / "propensity" / "sample.toml").read_text(encoding="utf-8")
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text.replace("customer.tenure_months", "state.30.bill_disputed"))
    folder, table = tmp_path / "models", ROOT / "placet" / "sandbox" / "data" / "telco_customers.csv"
    models = InstalledModels(Settings(propensity_dir=folder), "demo")
    said = "feature 'tenure_months': run reads 'state.30.bill_disputed', but no window has .* mean 'bills_disputed'"
    with pytest.raises(ConfigurationError, match=said):
        models.train(table, wrong, TODAY)
    monkeypatch.setattr("agents.propensity.model.check_new", lambda _mapping: None)
    digest, _, _ = models.train(table, wrong, TODAY)
    settings = configured((digest, folder), tmp_path)
    for reader in (Likelihoods, lambda given: list(PROBES["churn model"](given))):
        with pytest.raises(ConfigurationError, match=rf"^model {digest[:16]}… is not for runs: {said}"):
            reader(settings)
    assert [(one.for_runs, one.fault) for one in models.held().models] == [(False, None)]
    assert models.shown(None).unread_by_runs == ("tenure_months",)
    assert named_source(settings, "demo", digest) is not None


def test_the_doctor_and_the_page_of_health_say_which_is_in_use(trained: tuple[str, Path], tmp_path: Path) -> None:
    with_model = configured(trained, tmp_path)
    none, counted = Settings(home=tmp_path), Settings(home=tmp_path, churn_sources={"demo": "counts"})
    said = [
        [(one.level, one.detail) for one in PROBES["churn model"](settings)] for settings in (with_model, none, counted)
    ]
    assert said == [
        [("ok", f"demo: churn model {trained[0][:16]}, trained 2026-01-01 on 5263 customers")],
        [("info", "demo: no churn model; runs propose nothing")],
        [("info", "demo: counts of a public sample, as fallback")],
    ]
    assert in_words(with_model, "demo") == f"model {trained[0][:16]}…"


def test_the_card_says_what_runs_use_until_they_use_the_model(trained: tuple[str, Path], tmp_path: Path) -> None:
    once = "runs use it once PLACET_CHURN_SOURCES names this digest and the workers were started again; until then: "
    for sources, now in (
        ({"demo": "counts"}, "counts of a public sample, as fallback"),
        ({"demo": "b" * 64}, f"model {'b' * 16}…"),
        ({}, "no churn model; runs propose nothing"),
    ):
        models = InstalledModels(Settings(home=tmp_path, propensity_dir=trained[1], churn_sources=sources), "demo")
        assert f"in runs    {once}{now}" in list(card_lines(models.shown(None), models.runs_use))
    models = InstalledModels(configured(trained, tmp_path), "demo")
    assert "in runs    used by them now" in list(card_lines(models.shown(None), models.runs_use))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ('{"demo": "garbage"}', "'garbage', of 'demo': not `counts`, nor all 64 characters of a model's digest, as "),
        (f'{{"demo": "{"A" * 64}"}}', f"'{'A' * 64}', of 'demo': not `counts`, nor all 64 characters"),
        ('{"Demo X": "counts"}', "'Demo X': not a tenant's name"),
        ('["demo"]', "['demo']: it must be an object"),
    ],
)
def test_a_wrong_source_is_one_line_without_a_pattern(monkeypatch: pytest.MonkeyPatch, given: str, said: str) -> None:
    monkeypatch.setenv("PLACET_CHURN_SOURCES", given)
    with pytest.raises(ConfigurationError) as refused:
        load_settings()
    assert str(refused.value).startswith(f"PLACET_CHURN_SOURCES={said}")
    assert "^" not in str(refused.value)


def test_a_worker_without_a_model_loads_neither_lightgbm_nor_what_computes_with_it(tmp_path: Path) -> None:
    code = f"""
import os, sys
from pathlib import Path
import placet.entrypoints.worker
from placet.entrypoints.bootstrap import build_parts
from placet.entrypoints.settings import Settings
from agents.catalogue import load
build_parts(Settings(home=Path({str(tmp_path)!r}), churn_sources={{"demo": "counts"}}))
load("retention")
print([name for name in ("lightgbm", "agents.propensity") if name in sys.modules], flush=True)
os._exit(0)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, '{"demo": "counts"}'),
        ({"bss_url": "https://bss.example"}, "{}"),
        ({"churn_sources": {"demo": "b" * 64}}, f'{{"demo": "{"b" * 64}"}}'),
    ],
)
def test_the_stack_falls_back_to_counts_only_with_its_own_customers(
    tmp_path: Path, given: dict[str, Any], told: str
) -> None:
    stack = Stack(Settings(home=tmp_path, **given), usual_ports=False, console=False)
    assert stack.environment_of("worker")["PLACET_CHURN_SOURCES"] == told
