"""What people are shown of outcomes: sentences, tables, the API, the page."""

import csv
import io
from datetime import timedelta

import pytest

from placet.contracts.outcomes.report import OutcomesReport
from placet.entrypoints.beside_worker.outcome_counting import OutcomeCounting
from placet.errors import UsageError
from placet.interfaces.console.views.customers.outcomes import outcomes_of
from placet.interfaces.record_words import in_words
from placet.interfaces.telling.outcome_reports import CSV_COLUMNS, only, report_as_csv, summary, told
from tests.integration.outcomes.trial import Trial, group
from tests.support.strategies.published import strategy


@pytest.fixture
def report(trial: Trial) -> OutcomesReport:
    trial.live()
    trial.count()
    return told(trial.report())


def test_sentences_tables_and_drawings_say_the_same(trial: Trial, report: OutcomesReport) -> None:
    every = {one.measure: one for one in group(report).measures}
    assert every["spend"].said.startswith("Customers who were treated spent ")
    assert " USD more a month than the control group; with 95 % confidence between " in every["spend"].said
    assert "points fewer complained than of the control group (" in every["complaints"].said
    assert "less 0.00 USD for what they were given" in group(report).value_said
    assert "45 % of what was spent more is margin" in group(report).value_said
    lines = list(summary(report))
    assert any("SIMULATED" in one for one in lines)
    assert any("looked at beside the one" in one for one in lines)

    rows = list(csv.DictReader(io.StringIO(report_as_csv(report))))
    assert tuple(rows[0]) == CSV_COLUMNS
    assert len(rows) == sum(len(one.measures) for one in report.groups)
    spend = next(row for row in rows if (row["group"], row["measure"]) == ("all", "spend"))
    assert spend["unit"] == "USD"
    assert 0 < float(spend["low"]) < float(spend["difference"]) < float(spend["high"]) < 30

    shown = outcomes_of(report)
    assert shown.whole is not None
    drawn = [row for chart in (*shown.charts, *shown.arms, *shown.segments) for row in chart.rows if row.places]
    assert len(drawn) > 5
    for row in drawn:
        assert row.places is not None
        low, high, middle, none = row.places
        assert 8 <= low <= middle <= high <= 312
        assert 8 <= none <= 312

    assert {one.kind for one in only(report, "arm").groups} == {"all", "arm"}
    assert [one.kind for one in only(report, "all").groups] == ["all"]

    with trial.database.reading() as tx:
        said = [in_words(one) for one in tx.audit.read("tenant/demo")]
    assert any("took down the cohort of strategy keep_at_risk" in one for one in said)
    assert any("counted what became of" in one for one in said)
    assert any("reported what became of" in one for one in said)


def test_before_anybody_is_due_it_says_when(trial: Trial) -> None:
    (line,) = summary(told(trial.report(later=1)))
    assert line.startswith("no customer's 30 days are over and counted yet")
    assert "the first are due on" in line


def test_a_strategy_that_was_not_rolled_out_has_no_outcomes(trial: Trial) -> None:
    trial.rolling.shop.publish(strategy(("name: keep_at_risk", "name: another")))
    from placet.service.outcomes.reporting import show_outcomes

    with pytest.raises(UsageError, match="never rolled out"):
        show_outcomes(trial.database, "demo", "another", 30, trial.rolling.policies)


def test_a_worker_counts_beside_its_runs(trial: Trial) -> None:
    trial.live()
    trial.rolling.later = timedelta(days=40)
    loop = OutcomeCounting(trial.database, ("demo", "other"), lambda: trial.rolling.now)
    loop.round()
    loop.round()
    assert trial.shown().members == len(trial.entered())
