"""A table of cases that operators keep beside their policies: question, facts, expected answer, and by which policies.

tenant: demo
agent: {name: retention}
proposal: {kind: adjust_balance, treatment: goodwill_credit, cost: 12.50 USD, triggered_by: olga}
mandate: {kinds: [adjust_balance], treatments: [goodwill_credit], budget: 500.00 USD, cap: 20.00 USD, days: 30,
          drafted_by: olga}
halt: {scope: tenant, placed_by: olga}
stage: {strategy: keep_at_risk, market: us, reached: 10 %, to: 25 %, customers_added: 1500, passed: [complaints],
        budget: 5000.00 USD, budget_left: 4000.00 USD}
cases:
  - name: a lead decides up to their limit
    question: decide                # propose | commit | decide: about a proposal; authorise: a mandate; lift: a halt;
                                    # promote: a stage of a rollout
    person: {name: anna, roles: [retention_lead], limit: 50.00 USD}
    proposal: {cost: 50.00 USD}     # the rest from above
    expect: allow                   # allow | deny
    because: [leads-decide]         # optional: exactly these policies decided
  - name: one lead is enough for a small credit
    question: propose
    expect: allow
    gate: {quorum: 1, roles: [retention_lead], expire_after: 72h}   # optional, any of the gate_* annotations
"""

import re

from pydantic import ValidationError

from placet.contracts.base import first_fault
from placet.contracts.strategies.written import BY_HAND
from placet.errors import ConfigurationError
from placet.governance.policy.authoring.case_models import Case, CasesTable, Completion
from placet.yaml_files import parse_yaml

CASES_FILE = "policy_cases.yaml"


def parse_cases(text: str, source: str) -> tuple[Case, ...]:
    """Read a table; `source` names it in errors.

    Raises:
        ConfigurationError: it is no YAML, or a case is incomplete or wrong; with the line.
    """
    read = parse_yaml(text, source)
    try:
        table = CasesTable.model_validate(read.data, context=BY_HAND)
    except ValidationError as error:
        line = read.place(error.errors()[0]["loc"]).line
        # Whoever writes a table knows nothing of our classes.
        fault = re.sub(r" or instance of \w+", "", first_fault(error))
        raise ConfigurationError(f"{source}:{line}: {fault}") from error
    lines = [read.place(("cases", number)).line for number in range(len(table.cases))]
    return tuple(
        Completion(table, case, f"{source}:{line}: case {case.name!r}").complete(line)
        for case, line in zip(table.cases, lines, strict=True)
    )
