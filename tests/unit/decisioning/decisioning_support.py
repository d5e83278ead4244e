"""Facts for the tests of decisioning."""

from typing import Any

from placet.decisioning.facts import Facts


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
