"""The dashboard and the alerts use metrics that exist, with labels that they have, and nothing that names a person."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from placet.entrypoints.environment import CHECKOUT
from placet.telemetry.metrics import names

METRICS = {metric.name: metric for metric in names.ALL}
ALERTS: Any = yaml.safe_load((CHECKOUT / "deploy/prometheus/alerts.yml").read_text())
SCRAPE: Any = yaml.safe_load((CHECKOUT / "deploy/prometheus/prometheus.yml").read_text())
DASHBOARD: Any = json.loads((CHECKOUT / "deploy/grafana/placet.json").read_text())
WORD = re.compile(r"\bplacet_\w+\b")
# What Prometheus adds by itself when it scrapes.
SCRAPED = {"instance", "job", "part"}


def rules() -> list[dict[str, Any]]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def expressions() -> Iterator[tuple[str, str]]:
    yield from ((rule["alert"], rule["expr"]) for rule in rules())
    for panel in DASHBOARD["panels"]:
        yield from ((panel["title"], target["expr"]) for target in panel["targets"])


@pytest.mark.parametrize(("where", "expression"), list(expressions()), ids=lambda text: str(text)[:30])
def test_every_expression_uses_metrics_and_labels_that_exist(where: str, expression: str) -> None:
    used = {METRICS[name] for name in WORD.findall(expression)}  # a KeyError names what there is not
    assert used, where
    known = {label for metric in used for label in metric.labels} | SCRAPED
    for group in re.findall(r"\bby \(([^)]*)\)", expression):
        assert {label.strip() for label in group.split(",")} <= known, where
    for metric, selector in re.findall(r"(placet_\w+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)(?:=~|!=|=)", selector)) <= set(METRICS[metric].labels), where
    assert expression.count("(") == expression.count(")")
    for name in WORD.findall(expression):
        counts = METRICS[name].kind == "counter"
        assert counts == bool(re.search(rf"(?:rate|increase)\({name}\b", expression)), f"{where}: {name}"


def test_every_metric_is_shown() -> None:
    assert {name for _, text in expressions() for name in WORD.findall(text)} == set(METRICS)


def test_alerts_are_complete_and_each_says_what_to_do() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert re.fullmatch(r"Placet[A-Za-z]+", rule["alert"])
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert set(rule["annotations"]) == {"summary", "action"}
        labels = {label for name in WORD.findall(rule["expr"]) for label in METRICS[name].labels}
        assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= labels


def test_the_dashboard_has_a_place_for_every_panel_and_asks_the_chosen_source() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not taken & cells, panel["title"]
        taken |= cells
        assert panel["datasource"]["uid"] == "${datasource}"
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert {variable["name"] for variable in DASHBOARD["templating"]["list"]} == {"datasource", "tenant"}


def test_no_metric_has_a_label_for_a_customer_a_person_or_a_run() -> None:
    labels = {label for metric in names.ALL for label in metric.labels}
    assert labels == {"tenant", "state", "kind", "source", "verdict", "code", "model", "task", "outcome", "direction"}
    for metric in names.ALL:
        assert (metric.kind == "counter") == metric.name.endswith("_total")


def test_the_scrape_presents_a_token_from_a_file() -> None:
    (job,) = SCRAPE["scrape_configs"]
    assert set(job["authorization"]) == {"type", "credentials_file"}
    assert SCRAPE["rule_files"] == ["alerts.yml"]
