"""Watching the policy files beside a worker: what comes into force is put on the record, what is faulty is told."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from placet.contracts.audit import RecordKind, policy_stream
from placet.entrypoints.tenant_files.policies import PolicyFiles
from placet.errors import PlacetError, PolicyError
from placet.governance.policy.set import POLICY_SET_MEDIA_TYPE, PolicySet
from placet.rounds import Faults, Rounds
from placet.storage.database import Database
from placet.storage.transaction import Transaction

_log = logging.getLogger(__name__)

INTERVAL_SECONDS = 5.0
"""How often the files are looked at; a set that was in place for less is not kept when its files turn faulty."""


class PolicyWatch(Rounds):
    """A background loop over the policies of all tenants and agents. It looks once before `start` returns.

    Args:
        database: Where the record is.
        policies: What the worker asks.
        tenants: Whose policies.
        agents: Which applications'.
        clock: Aware wall-clock time.
    """

    def __init__(
        self,
        database: Database,
        policies: PolicyFiles,
        tenants: Sequence[str],
        agents: Sequence[str],
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__("policy watch", INTERVAL_SECONDS)
        self._database = database
        self._policies = policies
        self._watched = [(tenant, agent) for tenant in tenants for agent in agents]
        self._clock = clock
        self._faults = Faults(_log)

    def start(self) -> None:
        """Look once, then again and again in a thread of its own."""
        self.round()
        super().start()

    def round(self) -> None:
        """Look at all policies once; what cannot be recorded now is recorded in a later round."""
        for tenant, agent in self._watched:
            try:
                self._look(tenant, agent)
            except PlacetError as error:
                self._tell(tenant, agent, f"the policies of agent {agent!r} for tenant {tenant!r}: {error}")

    def _look(self, tenant: str, agent: str) -> None:
        try:
            policies = self._policies(tenant, agent)
        except PolicyError as error:
            self._tell(tenant, agent, f"nothing is permitted to agent {agent!r} of tenant {tenant!r}: {error}")
            return
        if policies.kept_because:
            self._tell(tenant, agent, f"agent {agent!r} of tenant {tenant!r}: {policies.kept_because}")
            with self._database.transaction() as tx:
                self._record(tx, tenant, agent, "policy.kept", policies, {"detail": policies.kept_because})
            return
        if not self._policies.is_confirmed(tenant, agent) or policy_stream(tenant, agent) in self._faults:
            with self._database.transaction() as tx:
                tx.artifacts.put(tenant, POLICY_SET_MEDIA_TYPE, policies.document)
                count = {"policies": len(policies.policies)}
                recorded = self._record(tx, tenant, agent, "policy.in_force", policies, count)
            if not recorded:
                return
            self._policies.confirm(tenant, agent, policies)
        if self._faults.mended(policy_stream(tenant, agent)):
            _log.warning(
                "agent %r of tenant %r: policy set %s is in force, its files are sound",
                agent,
                tenant,
                policies.digest[:12],
            )

    def _record(
        self, tx: Transaction, tenant: str, agent: str, kind: RecordKind, policies: PolicySet, more: dict[str, Any]
    ) -> bool:
        """Put a change on the record, unless its last entry says so already; False when another worker was first."""
        last = tx.audit.last(policy_stream(tenant, agent))
        if last is not None and (last.kind, last.body.get("policy_set")) == (kind, policies.digest):
            return True
        step, body = f"{kind}.{1 if last is None else last.seq + 1}", {"policy_set": policies.digest, **more}
        entry = tx.record_policies(tenant, agent, kind, at=self._clock(), step=step, body=body)
        return bool(entry.body.get("policy_set") == policies.digest)

    def _tell(self, tenant: str, agent: str, fault: str) -> None:
        self._faults.tell(policy_stream(tenant, agent), fault, fault)
