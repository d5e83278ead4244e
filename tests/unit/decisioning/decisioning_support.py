"""Facts and catalogues for the tests of the decisioning engine."""

from typing import Any

from placet.decisioning.facts import Facts
from placet.decisioning.treatments import Assumptions, Catalogue


def facts(**changes: Any) -> Facts:
    known: dict[str, Any] = {
        "customer_id": "C1",
        "customer_status": "active",
        "tenure_months": 3,
        "contract": "month_to_month",
        "internet_service": "fiber_optic",
        "payment_method": "Mailed check",
        "currency": "USD",
        "monthly_charge_minor": 10_000,
        "open_amount_minor": 0,
        "open_bills": 0,
        "bucket_id": "B-1",
        "bucket_name": "Main balance",
        "bucket_status": "active",
        "bucket_currency": "USD",
        "balance_minor": 0,
        "usage_trend_bp": 0,
        "products_held": 0,
        "held": (),
        "churn_bp": 5_000,
        "assessed_risk": "low",
    }
    return Facts.model_validate({**known, **changes})


def catalogue(*treatments: dict[str, Any], **changes: Any) -> Catalogue:
    known: dict[str, Any] = {
        "currency": "USD",
        "assumptions": Assumptions(margin_bp=5_000, horizon_months=12),
        "max_cost_minor": 100_000,
        "treatments": treatments,
    }
    return Catalogue.model_validate({**known, **changes})


def credit(code: str = "credit", **changes: Any) -> dict[str, Any]:
    known: dict[str, Any] = {
        "code": code,
        "name": f"A {code}",
        "relative_reduction_bp": 1_000,
        "action": {"kind": "adjust_balance", "of_monthly_bp": 1_000, "max_minor": 5_000},
    }
    return {**known, **changes}


def order(*moves: dict[str, Any], code: str = "order", **changes: Any) -> dict[str, Any]:
    action = {"kind": "order_product", "moves": moves or ({"offering_id": "PO-new", "name": "New one"},)}
    return {"code": code, "name": f"An {code}", "relative_reduction_bp": 1_000, "action": action, **changes}
