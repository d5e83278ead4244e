"""The reference: the governed run's five steps as a careful engineer writes them on Temporal, without governance.

Payloads are plain JSON passed by value, a little smaller than the governed run's own assessment, evidence and proposal.
The activities do nothing else, which flatters this side. All of it is simulated data.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from temporalio import activity, workflow

TASK_QUEUE = "bench-bare"

Record = dict[str, Any]

_MONTHS = tuple(f"2026-{month:02d}" for month in range(1, 7))
_TIMEOUT = timedelta(minutes=1)


def _money(value: float) -> Record:
    return {"unit": "USD", "value": value}


def request(number: int) -> Record:
    """Make the customer record that starts bare run `number`."""
    customer_id = f"C{number:05d}"
    return {
        "tenant": "demo",
        "agent": "retention",
        "requested_by": "bench-operator",
        "customer": {
            "id": customer_id,
            "href": f"/tmf-api/customerManagement/v4/customer/{customer_id}",
            "name": f"Simulated customer {number}",
            "status": "Active",
            "contract": "month_to_month",
            "tenure_months": 7,
            "internet_service": "fiber_optic",
            "payment_method": "electronic_check",
            "contactMedium": [
                {"mediumType": "phone", "characteristic": {"phoneNumber": f"+1212555{number % 10000:04d}"}},
                {"mediumType": "email", "characteristic": {"emailAddress": f"{customer_id.lower()}@example.invalid"}},
            ],
            "account": [{"id": f"BA-{customer_id}", "name": "billing account", "@referredType": "BillingAccount"}],
            "characteristic": [{"name": name, "value": "yes"} for name in ("paperless", "phone", "streaming", "vat")],
        },
    }


@activity.defn
async def analyse(run: Record) -> Record:
    """Return a fixed assessment."""
    return {
        "customer": run["customer"]["id"],
        "risk": "high",
        "drivers": ["month_to_month contract", "short tenure", "rising bills", "electronic check"],
        "summary": "A recent fibre customer without a contract whose bills rose three months in a row. " * 4,
        "queries": [{"operation": name, "months": 6} for name in ("products", "bills", "balances", "usage")],
        "model_use": {"model": "stub", "prompt_tokens": 412, "completion_tokens": 96, "latency_ms": 0},
    }


@activity.defn
async def query_billing(run: Record, queries: list[Record]) -> Record:
    """Return six months of bills and usage, with products and balances."""
    customer_id = run["customer"]["id"]
    return {
        "queries": len(queries),
        "bills": [
            {
                "id": f"BILL-{customer_id}-{month}",
                "billDate": f"{month}-01T00:00:00Z",
                "state": "settled",
                "amountDue": _money(84.35),
                "taxIncludedAmount": _money(84.35),
                "billingAccount": {"id": f"BA-{customer_id}"},
                "lines": [{"name": name, "value": 28.12} for name in ("Fibre 500", "Voice", "Streaming pack")],
            }
            for month in _MONTHS
        ],
        "usage": [
            {"id": f"USE-{customer_id}-{month}-{kind}", "month": month, "kind": kind, "quantity": 41_220, "unit": unit}
            for month in _MONTHS
            for kind, unit in (("data", "MB"), ("voice", "min"))
        ],
        "products": [
            {"id": f"P-{customer_id}-{name}", "name": name, "status": "active", "price": _money(28.12)}
            for name in ("fibre", "voice", "streaming")
        ],
        "balances": [{"id": f"B-{customer_id}", "status": "active", "remaining": _money(12.4)}],
    }


@activity.defn
async def propose(run: Record, assessment: Record, billing: Record) -> Record:
    """Return one fixed mutation, with the candidates it beat."""
    likely = {"code": "churn_likely", "detail": "58.2 % of 412 customers with such a contract, age and line left"}
    costly = {"code": "cost_exceeds_value", "detail": "it costs 25.30 USD and is expected to keep 21.17 USD"}
    return {
        "customer": run["customer"]["id"],
        "treatment": "goodwill_credit",
        "mutation": {"kind": "adjust_balance", "bucket": billing["balances"][0]["id"], "amount": 8.44, "unit": "USD"},
        "rationale": "The customer is likely to leave and a credit costs less than the expected loss. " * 3,
        "drivers": assessment["drivers"],
        "candidates": [
            {
                "treatment": name,
                "eligible": name != "plan_change",
                "expected_value": _money(41.2),
                "cost": _money(8.44),
                "for": [likely],
                "against": [costly],
            }
            for name in ("goodwill_credit", "loyalty_bonus", "plan_change", "contract_extension", "nothing")
        ],
    }


@activity.defn
async def open_gate(proposal: Record) -> Record:
    """Say who must decide."""
    return {"verdict": "human", "role": "retention_lead", "treatment": proposal["treatment"], "ttl_hours": 72}


@activity.defn
async def execute(proposal: Record, decision: Record) -> Record:
    """Return a fixed receipt."""
    return {"outcome": "executed", "mutation": proposal["mutation"], "approver": decision["approver"], "id": "ADJ-1"}


ACTIVITIES: list[Callable[..., Any]] = [analyse, query_billing, propose, open_gate, execute]


@workflow.defn
class BareRun:
    """Four activities, a signal, a fifth activity."""

    def __init__(self) -> None:
        self._decision: Record | None = None

    @workflow.run
    async def run(self, run: Record) -> Record:
        """Run to the receipt."""
        assessment: Record = await workflow.execute_activity(analyse, run, start_to_close_timeout=_TIMEOUT)
        billing: Record = await workflow.execute_activity(
            query_billing, args=[run, assessment["queries"]], start_to_close_timeout=_TIMEOUT
        )
        proposal: Record = await workflow.execute_activity(
            propose, args=[run, assessment, billing], start_to_close_timeout=_TIMEOUT
        )
        await workflow.execute_activity(open_gate, proposal, start_to_close_timeout=_TIMEOUT)
        await workflow.wait_condition(lambda: self._decision is not None)
        receipt: Record = await workflow.execute_activity(
            execute, args=[proposal, self._decision], start_to_close_timeout=_TIMEOUT
        )
        return receipt

    @workflow.signal
    def decide(self, decision: Record) -> None:
        """Take the decision, whoever sent it."""
        self._decision = decision
