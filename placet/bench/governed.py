"""The governed kind: the product, through the operations that every interface of it uses."""

import csv
import shutil
from collections.abc import Sequence
from importlib import resources
from itertools import cycle
from pathlib import Path
from typing import Any

from temporalio.client import WorkflowHistory

from placet.bench.figures import Effects
from placet.bench.processes.place import Kind, Place
from placet.engine.client import Engine
from placet.entrypoints.environment import CHECKOUT
from placet.entrypoints.settings import Settings
from placet.errors import PlacetError
from placet.governance.signing.keys import Signer, SigningKey, create_key_file, load_key_file, public_bytes
from placet.network.client import plain_client
from placet.service import runs as run_operations
from placet.service.deciding import decisions as decision_operations
from placet.service.documents import keys as key_operations
from placet.storage.database import Database
from placet.storage.records import RunRecord

_APPROVER = "bench-approver"
# The bench's own key signs simulated changes only, and is removed with the bench's folder.
_PASSPHRASE = "placet-bench"  # noqa: S105


_UNLIMITED = """\
cool_down_days = 0
period_days = 365
max_per_period = 1000
max_cost_per_period = "50000.00 USD"
"""


class Governed:
    """Each run is recorded, approved by an enrolled key's signature, and executed in the BSS.

    Attributes:
        receipts: The BSS's identifier of what each run that ended executed has changed.
    """

    kind: Kind = "governed"

    def __init__(
        self, engine: Engine, database: Database, key: SigningKey, customers: Sequence[str] | None = None
    ) -> None:
        self._engine = engine
        self._database = database
        self._key = key
        self._customers = cycle(customers or _at_risk_customers())
        self.receipts: list[str] = []

    def name(self, number: int) -> str:
        """Return the run id that the key stands for."""
        return run_operations.run_id_for("demo", f"bench-{number}")

    async def start(self, number: int) -> None:
        """Record the request and start the run."""
        request = run_operations.build_request(
            tenant="demo",
            customer_id=next(self._customers),
            agent="retention",
            requested_by="bench-operator",
            key=f"bench-{number}",
            agents=("retention",),
        )
        await run_operations.start_run(self._database, self._engine, request)

    def prepare(self, run_id: str) -> Any:
        """Read the pending proposal and sign for exactly that."""
        record, digest, _ = decision_operations.pending_proposal(self._database, run_id, "demo", "approve")
        return record, decision_operations.sign_verdict(record, digest, "approve", _APPROVER, "bench", self._key)

    async def deliver(self, decision: Any) -> None:
        """Signal the envelope."""
        record: RunRecord = decision[0]
        await decision_operations.deliver_decision(self._database, self._engine, record, decision[1])

    async def ended(self, run_id: str) -> None:
        """Wait for the recorded end."""
        result = await self._engine.handle(run_id).result()
        if result["state"] != "executed":
            raise PlacetError(f"run {run_id!r} ended {result['state']!r} ({result['code']}): {result['detail']}")
        self.receipts.append(result["receipt"]["external_id"])

    async def history(self, run_id: str) -> WorkflowHistory:
        """Fetch the run's events."""
        return await self._engine.history(run_id)


def counted_effects(governed: Governed, place: Place) -> Effects:
    """Return what the BSS itself counts, asked over plain HTTP, beside what the runs say.

    Raises:
        PlacetError: it is another number than that of the runs that ended executed.
    """
    with plain_client(10, base_url=place.bss_url) as bss:
        answer = bss.get("/sandbox/effects").raise_for_status().json()
    effects = Effects(
        executed_runs=len(governed.receipts),
        distinct_receipts=len(set(governed.receipts)),
        changes_in_bss=answer["adjustments"] + answer["topups"] + answer["orders"],
    )
    if not effects.once_each:
        raise PlacetError(f"the governed runs did not change the BSS once each: {effects}")
    return effects


def without_contact_limits(home: Path) -> Path:
    """Put the shipped policies into a folder of the bench's own, beside a contact policy that forbids nothing.

    Where there are more runs than customers to whom something can be offered, each has several.
    """
    folder = home / "unlimited-policies" / "demo"
    folder.mkdir(parents=True)
    shutil.copy(CHECKOUT / "agents" / "retention" / "policy.cedar", folder)
    (folder / "contact.toml").write_text(_UNLIMITED)
    return folder.parent


def settings_of(place: Place) -> Settings:
    """Make settings of this place alone: neither the environment nor an installation's values enter."""
    return Settings.model_construct(
        churn_sources={"demo": "counts"},
        home=place.home,
        database_url=place.database_url,
        policy_dir=place.policies,
        temporal_address=place.temporal,
        bss_url=place.bss_url,
        worker_activities=place.activities,
        worker_cached_runs=place.cached_runs,
    )


def bench_administrator(place: Place) -> Signer:
    """Return the bench's own administrator, whose key is made when first asked for."""
    path = place.home / "administrator.pem"
    key = load_key_file(path, _PASSPHRASE) if path.exists() else create_key_file(path, _PASSPHRASE)
    return Signer("bench-administrator", key)


def enrolled_approver(database: Database, place: Place) -> SigningKey:
    """Enrol a fresh key for the role that the retention gate asks for, by the bench's own administrator."""
    administrator = bench_administrator(place)
    key_operations.bootstrap_administrator(database, tenant="demo", by=administrator)
    key = create_key_file(place.home / "approver.pem", _PASSPHRASE)
    key_operations.enroll_key(
        database,
        name=_APPROVER,
        tenant="demo",
        roles=("retention_lead",),
        limit="200.00 USD",
        public_key=public_bytes(key.private.public_key()),
        by=administrator,
        expires_at=None,
    )
    return key


def _at_risk_customers() -> list[str]:
    """List customers of the simulated base with a young month-to-month fibre contract.

    The demo picks such a one too.
    """
    sample = resources.files("placet.sandbox").joinpath("data/telco_customers.csv")
    with sample.open(encoding="utf-8") as lines:
        return [
            row["customer_id"]
            for row in csv.DictReader(lines)
            if row["contract"] == "Month-to-month"
            and row["internet_service"] == "Fiber optic"
            and 2 <= int(row["tenure"]) <= 12  # noqa: PLR2004 - months
        ]
