"""A policy question put to a set of 100 policies, beside the bare Cedar call that answers it."""

from collections.abc import Iterator
from functools import partial

import cedarpy

from placet.bench.governance.figures import Figure
from placet.bench.governance.sample import make_sample
from placet.bench.governance.sampling import cpu_per_call
from placet.entrypoints.tenant_files.policies import policy_path
from placet.governance.policy.question import decides, proposes
from placet.governance.policy.set import PolicySet
from placet.governance.policy.source import PolicyFile, shipped_schema
from placet.service.policy_files import read_policy_files

_POLICIES = 100
_CALLS = 100
_AIM = 1.2


def measure(rounds: int) -> Iterator[Figure]:
    """Measure the CPU time of a question of each kind, beside `cedarpy.is_authorized` on the same request.

    Each is evaluated anew: what a set remembers of its answers would measure nothing. The bare call gets a parsed set,
    a parsed schema, and request and entities made beforehand.
    """
    sample, policies = make_sample(), hundred_policies()
    text = "\n".join(policy.text for policy in policies.policies)
    handle, schema = cedarpy.PolicySet.from_str(text), cedarpy.Schema.from_str(shipped_schema())
    for name, question, ask in (
        ("propose", proposes(sample.proposal), lambda: policies.evaluate(proposes(sample.proposal))),
        (
            "decide",
            decides(sample.enrolled, sample.proposal),
            lambda: policies.evaluate(decides(sample.enrolled, sample.proposal)),
        ),
    ):
        bare = partial(cedarpy.is_authorized, question.request()[0], handle, question.request()[1], schema)
        took = cpu_per_call({"ours": ask, "bare": bare}, rounds=rounds, calls=_CALLS)
        yield Figure(
            part="policy",
            name=f"policy question ({name}), {_POLICIES} policies",
            unit="µs CPU",
            ours=took["ours"],
            reference=took["bare"],
            against="cedarpy.is_authorized: same request, parsed set and schema",
            limit=_AIM,
        )


def hundred_policies() -> PolicySet:
    """Fill the retention application's own set up with permits for treatments it has not: each must be looked at."""
    own = read_policy_files(policy_path(None, "demo", "retention"))
    missing = _POLICIES - len(PolicySet(own).policies)
    more = "\n".join(
        f'@id("bench-{number}")\npermit (principal, action in [Action::"propose", Action::"decide"], resource) '
        f'when {{ resource.treatment == "bench_{number}" && resource.cost_minor <= {100 * number} }};'
        for number in range(missing)
    )
    return PolicySet((*own, PolicyFile(name="bench.cedar", text=more)))
