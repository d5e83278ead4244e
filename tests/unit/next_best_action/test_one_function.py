"""One function decides for a customer: what every face and every run shows is its answer."""

import ast
from pathlib import Path
from typing import Final

from placet.entrypoints.environment import CHECKOUT

DECIDING: Final = "placet.decisioning.next_best_action.deciding"
SERVICE: Final = "placet.service.strategies.deciding"


def importers(module: str, names: set[str]) -> set[str]:
    """Return which modules of ours import one of the names of a module, or the module whole."""
    found = set()
    for room in ("placet", "activities", "workflows", "agents", "plugins"):
        for path in (CHECKOUT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Import):
                    meant = any(one.name == module for one in node.names)
                else:
                    meant = isinstance(node, ast.ImportFrom) and node.module == module
                    meant = meant and bool(names & {one.name for one in getattr(node, "names", ())})
                if meant:
                    found.add(_named(path))
    return found


def _named(path: Path) -> str:
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)


def test_only_the_service_and_what_runs_propose_by_call_the_decision() -> None:
    assert importers(DECIDING, {"decide"}) == {
        SERVICE,
        "placet.bench.strategies.deciding",
        "placet.decisioning.next_best_action.catalogues",
        "placet.decisioning.next_best_action.proposing",
    }


def test_an_application_weighs_by_its_catalogue_alone_and_only_replay_knows_the_rule_before_it() -> None:
    catalogues = "placet.decisioning.next_best_action.catalogues"
    assert importers(catalogues, {"weigh_catalogue", "decide_by_catalogue"}) == {"agents.own_catalogue"}
    former = "placet.replay.weighing.former_rule"
    assert importers(former, {"weigh_by_former_rule"}) == {"placet.replay.weighing.rederivation"}


def test_every_face_asks_the_service_for_the_decision_by_published_strategies() -> None:
    assert importers(SERVICE, {"decide_by_published"}) >= {
        "placet.interfaces.cli.live.decisions",
        "placet.interfaces.console.pages.live.decisions",
        "placet.interfaces.http.endpoints.live.decisions",
    }
    assert importers(SERVICE, {"decide_case", "decide_on"}) == {
        "placet.service.strategies.supposing",
        "placet.service.rollouts.turns",  # which of several strategies starts its run for who comes into them
    }
