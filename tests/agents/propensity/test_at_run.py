"""What a model reads of the customer of a run is what the run read, and what is missing is said."""

from datetime import UTC, date, datetime
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.propensity.at_run import ModelSource, cells_of, check_mapping
from agents.propensity.model import ChurnModel, train_model
from placet.contracts.billing import Evidence, HeldProduct
from placet.contracts.propensity.figures import docs_table, figure_fault
from placet.contracts.propensity.mapping import Feature, Mapping, RunSource
from placet.contracts.state import AMOUNTS, FIGURES, CustomerState, Figure, Window
from placet.errors import ConfigurationError, UsageError
from placet.governance.signing.canonical import canonical_bytes
from tests.agents.propensity.support import ROOT, mapping, sample, sample_mapping, table
from tests.agents.support import customer, evidence, usd

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DIRECTED = ("tenure_months", "contract_months")


@cache
def source() -> ModelSource:
    digest, content = train_model(sample(), sample_mapping(), date(2026, 1, 1))
    return ModelSource(ChurnModel(content, digest, "the model"))


def held(*offerings: str, price: int | None = 2_000, currency: str = "USD") -> tuple[HeldProduct, ...]:
    money = None if price is None else usd(price).model_copy(update={"currency": currency})
    return tuple(
        HeldProduct(product_id=f"P-{at}", offering_id=name, name=name, status="active", monthly_price=money)
        for at, name in enumerate(offerings)
    )


def read(*offerings: str, **changes: object) -> Evidence:
    shown = evidence(customer(**changes))
    return shown.model_copy(update={"operations": ("customer", "products"), "products": held(*offerings)})


def state(version: int, **figures: int) -> CustomerState:
    window = tuple(Figure(name=name, value=value) for name, value in figures.items())
    told = {
        "customer_id": "C00042",
        "as_of": NOW,
        "version": version,
        "windows": (Window(days=30, figures=window),),
        "newest": NOW if version else None,
        **dict.fromkeys(("household_id", "last_contact", "balance", "competitor", "place", "nps", "csat")),
        **dict.fromkeys(("sources", "rhythms", "trends", "devices", "products", "consents", "open_tickets"), ()),
    }
    return CustomerState.model_validate(told)


def of_the_state(*, may_be_missing: bool = False) -> Mapping:
    feature = Feature(
        name="disputed_bills",
        column="disputes",
        may_be_missing=may_be_missing,
        run=RunSource(read="state.30.bills_disputed"),
    )
    return sample_mapping().model_copy(update={"features": (feature,)})


def test_the_row_is_what_the_table_would_say_of_the_customer() -> None:
    cells = cells_of(sample_mapping(), read("PO-internet-fiber", "PO-voice-multi", "PO-tech-support"), None)
    assert cells == {
        "tenure": "3",
        "contract": "Month-to-month",
        "monthly_charges": "60.00",
        "internet_service": "Fiber optic",
        "payment_method": "Electronic check",
        "phone_service": "1",
        "multiple_lines": "Yes",
        "online_security": "No",
        "online_backup": "No",
        "device_protection": "No",
        "tech_support": "Yes",
        "streaming_tv": "No",
        "streaming_movies": "No",
    }


def test_the_probability_comes_with_its_reasons_and_the_digest_of_the_model() -> None:
    found = source().read(read("PO-internet-fiber", "PO-voice"), None)
    assert (found.source, found.digest) == ("model", source().digest)
    assert found.named == f"churn model {source().digest[:16]}, trained 2026-01-01 on 5263 customers"
    assert found.reasons[0] == "being a customer for 3 months raises it most"
    assert any("a month-to-month contract raises it" in reason for reason in found.reasons)
    assert found == source().read(read("PO-internet-fiber", "PO-voice"), None)


@given(months=st.integers(0, 120), more=st.integers(1, 60), contract=st.sampled_from(["month_to_month", "one_year"]))
def test_longer_tenure_never_raises_the_probability_of_a_run(months: int, more: int, contract: str) -> None:
    first, later = (
        source().read(read("PO-voice", tenure_months=tenure, contract=contract), None).probability_bp
        for tenure in (months, months + more)
    )
    assert later <= first


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (evidence(), "monthly charge, phone service"),
        (read(), "does not say monthly charge,"),
        (
            read("PO-voice").model_copy(update={"products": held("PO-voice", price=None)}),
            "does not say monthly charge,",
        ),
        (
            read("PO-voice").model_copy(update={"products": held("PO-voice", currency="EUR")}),
            "does not say monthly charge,",
        ),
        (read("PO-voice", payment_method="Barter"), "payment_method is 'Barter'; the mapping knows"),
    ],
)
def test_what_is_missing_or_was_never_seen_is_said_and_not_guessed(shown: Evidence, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        source().read(shown, None)
    assert refused.value.code == "missing_feature"


def test_a_feature_may_come_from_the_live_state() -> None:
    meant = of_the_state()
    assert cells_of(meant, read(), state(4, bills_disputed=2)) == {"disputes": "2"}
    assert cells_of(meant, read(), state(4)) == {"disputes": "0"}
    # A word about the customer, such as a score that somebody sent, is no event: zeros would be scored as if they were.
    only_said = state(3).model_copy(update={"newest": None})
    for unknown in (None, state(0), only_said):
        with pytest.raises(UsageError, match="does not say disputed bills"):
            cells_of(meant, read(), unknown)
    assert cells_of(of_the_state(may_be_missing=True), read(), None) == {"disputes": ""}


def test_a_model_that_no_run_can_feed_is_refused_when_it_is_configured() -> None:
    digest, content = train_model(table(), mapping(), date(2026, 1, 1))
    with pytest.raises(
        ConfigurationError, match=r"is not for runs: .* where a run finds tenure_months, disputed_bills"
    ):
        ModelSource(ChurnModel(content, digest, "the model"))


@pytest.mark.parametrize(
    ("figure", "said"),
    [
        ("app_visit", "but no window has a figure 'app_visit'; did you mean 'app_visits'?"),
        ("zzz", "but no window has a figure 'zzz'; docs/operations.md lists them"),
        ("app_visits:USD", "'app_visits' is no amount; leave ':USD' out"),
        ("billed_minor", "an amount needs its currency; write it like 'billed_minor:USD'"),
        ("billed_minor:XXQ", "'XXQ' is no currency; write it like 'billed_minor:USD'"),
    ],
)
def test_a_figure_that_no_window_has_is_refused_and_not_read_as_nought(figure: str, said: str) -> None:
    meant = sample_mapping()
    wrong = meant.features[0].model_copy(update={"run": RunSource(read=f"state.30.{figure}")})
    meant = meant.model_copy(update={"features": (wrong, *meant.features[1:])})
    with pytest.raises(ConfigurationError) as refused:
        train_model(sample(), meant, date(2026, 1, 1))
    assert f"feature 'tenure_months': run reads 'state.30.{figure}'" in str(refused.value)
    assert said in str(refused.value)
    # A model that an earlier version trained: no run to come uses it, and what it proposed can still be checked.
    assert meant.unread_by_runs == ("tenure_months",)
    with pytest.raises(ConfigurationError, match=r"^model aaaa… is not for runs: feature 'tenure_months': run reads"):
        check_mapping(meant, "aaaa")
    check_mapping(meant, "aaaa", to_come=False)


@pytest.mark.parametrize("figure", [*FIGURES, *(f"{name}:EUR" for name in AMOUNTS)])
def test_every_figure_of_a_window_may_be_read(figure: str) -> None:
    assert not figure_fault(f"state.90.{figure}")
    assert Feature(name="x", column="x", run=RunSource(read=f"state.90.{figure}")).run is not None


def test_the_docs_list_the_figures() -> None:
    assert docs_table() in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_a_mapping_without_sources_is_written_as_it_was_before_there_were_any() -> None:
    for name in (b'"run"', b'"least"'):
        assert name not in canonical_bytes(mapping())
        assert name in canonical_bytes(sample_mapping())


def test_a_run_scores_no_customer_without_what_was_never_missing_in_training() -> None:
    """The mapping lets it be missing; but of that, the model has learned nothing."""
    features = tuple(
        one.model_copy(update={"may_be_missing": one.name == "monthly_charge"}) for one in sample_mapping().features
    )
    digest, content = train_model(
        sample(), sample_mapping().model_copy(update={"features": features}), date(2026, 1, 1)
    )
    unpriced = read("PO-voice").model_copy(update={"products": held("PO-voice", price=None)})
    with pytest.raises(UsageError, match="monthly_charge is empty; in training it never was") as refused:
        ModelSource(ChurnModel(content, digest, "the model")).read(unpriced, None)
    assert refused.value.code == "missing_feature"
