"""Running a table of cases (`placet.governance.policy.authoring.case_table`) against a policy set."""

from collections.abc import Sequence

from placet.contracts.base import Frozen
from placet.governance.policy.authoring.case_models import Case
from placet.governance.policy.authoring.gate_words import terms_in_words
from placet.governance.policy.authoring.why import Explained, explain
from placet.governance.policy.set import PolicySet
from placet.governance.policy.terms import PermitTerms


class CaseResult(Frozen):
    """What became of a case; `explained` tells the answer it got."""

    name: str
    line: int
    passed: bool
    expected: str
    got: str
    explained: Explained


class CasesReport(Frozen):
    """All cases of a table, and the policies that decided none of them."""

    results: tuple[CaseResult, ...]
    never_decisive: tuple[str, ...]

    @property
    def failures(self) -> int:
        """How many cases came out otherwise than expected."""
        return sum(not result.passed for result in self.results)


def run_cases(policies: PolicySet, cases: Sequence[Case]) -> CasesReport:
    """Ask every case's question of `policies`."""
    results = tuple(_run(policies, case) for case in cases)
    decided = {policy for result in results for policy in result.explained.policies}
    unused = tuple(policy.id for policy in policies.policies if policy.id not in decided)
    return CasesReport(results=results, never_decisive=unused)


def _run(policies: PolicySet, case: Case) -> CaseResult:
    explained = explain(policies, case.question)
    by = case.because is None or case.because == frozenset(explained.policies)
    expected = "allow" if case.allow else "deny"
    if case.because is not None:
        expected += f" by {', '.join(sorted(case.because)) or 'no policy'}"
    got = f"{'allow' if explained.allowed else 'deny'}: "
    got += f"by {', '.join(explained.policies)}" if explained.policies else explained.detail
    if explained.policies and not explained.allowed and explained.detail != "forbidden":
        got += f", {explained.detail}"
    asked = explained.terms or PermitTerms()
    if case.gate:
        # What the case does not speak of is shown as it is, so that only the difference catches the eye.
        expected += f"; gate: {terms_in_words(asked.model_copy(update=dict(case.gate)))}"
        got += f"; gate: {terms_in_words(asked)}" if explained.terms else ""
    return CaseResult(
        name=case.name,
        line=case.line,
        passed=by
        and explained.allowed is case.allow
        and all(getattr(asked, name) == value for name, value in case.gate.items()),
        expected=expected,
        got=got,
        explained=explained,
    )
