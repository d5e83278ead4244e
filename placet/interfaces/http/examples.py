"""What the description shows as examples: of what is sent, of what runs look like, and of what is refused.

A test holds each to the schema that it stands at.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from placet.interfaces.telling.strategy_example import EXAMPLE

_RUN_ID: Final = "run-5f0c9a1be2d74c3a8e60"
_DIGEST: Final = "b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"
_AT: Final = "2026-03-01T09:30:00Z"
_ENVELOPE: Final = {
    "payload": "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ==",
    "payloadType": "application/vnd.in-toto+json",
    "signatures": [{"keyid": _DIGEST, "sig": "c2lnbmF0dXJlIG92ZXIgdGhlIHBheWxvYWQ="}],
}
_SHARE: Final = {
    "batch": _ENVELOPE,
    "member": {"index": 0, "path": [_DIGEST]},
}
_RUN: Final = {
    "run_id": _RUN_ID,
    "tenant": "demo",
    "customer_id": "C00009",
    "agent": "retention",
    "key": "crm-4711",
    "requested_by": "olga",
    "requested_at": _AT,
    "reverses": None,
    "updated_at": _AT,
    "state": "awaiting_decision",
    "code": None,
    "detail": "",
    "assessment": _DIGEST,
    "evidence": _DIGEST,
    "proposal": _DIGEST,
    "decision": None,
    "receipt": None,
}
_NOTICE: Final = {
    "tenant": "demo",
    "run_id": _RUN_ID,
    "proposal": _DIGEST,
    "occasion": "asked",
    "role": "retention_lead",
    "subject": f"{_RUN_ID} waits for a decision",
    "text": f"A goodwill credit waits for a retention lead.\n  placet approve {_RUN_ID} --as NAME\n",
}

_FIGURES: Final = [{"name": "recharged_minor:USD", "value": 3000}, {"name": "recharges", "value": 2}]

EXAMPLES: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "HouseholdState": {
            "household_id": "H00003",
            "as_of": _AT,
            "newest": "2026-02-28T18:00:00Z",
            "version": 214,
            "sources": [{"name": "urn:example:charging", "newest": "2026-02-28T18:00:00Z"}],
            "members": [
                {
                    "customer_id": "C00009",
                    "newest": "2026-02-28T18:00:00Z",
                    "version": 214,
                    "products": [
                        {
                            "product_id": "P1",
                            "line": "mobile",
                            "offering_id": "mobile-m",
                            "since": _AT,
                        }
                    ],
                    "signals": ["the recharge is late: 21 days since the last one, usually 12 days"],
                }
            ],
            "more_members": False,
            "windows": [{"days": days, "figures": _FIGURES} for days in (7, 30, 90)],
            "devices": [],
            "signals": ["1 product: a household counts as retained from three"],
        },
        "Profile": {
            "customer_id": "C00009",
            "as_of": _AT,
            "keys_masked": True,
            "sections": [
                {
                    "name": "billing",
                    "fields": [
                        {
                            "name": "plan",
                            "label": "Plan",
                            "value": "“Mobile M”, active, 25.00 USD a month",
                            "origin": {"of": "billing", "at": "2026-03-01T09:29:58Z", "run_id": _RUN_ID},
                            "masked": False,
                        }
                    ],
                },
                {
                    "name": "keys",
                    "fields": [
                        {
                            "name": "key",
                            "label": "Telephone number",
                            "value": "+49…78 (declared)",
                            "origin": {
                                "of": "events",
                                "at": "2026-02-28T18:00:00Z",
                                "events": 1,
                                "sources": ["urn:example:crm"],
                            },
                            "masked": True,
                        }
                    ],
                },
            ],
        },
        "RunOrder": {"customer_id": "C00009", "agent": "retention", "key": "crm-4711"},
        "HaltOrder": {"scope": "kind", "subject": "adjust_balance", "reason": "the price list is wrong"},
        "InvitationOrder": {
            "name": "nina",
            "roles": ["retention_lead"],
            "limit": {"amount_minor": 20000, "currency": "USD"},
            "days": 365,
        },
        "WalkthroughOrder": {"days": 7, "names": False},
        "CohortToCheck": {"expression": "recharge_late_percent >= 50 AND open_tickets = 0", "customer_id": "C00009"},
        "CohortAsked": {"expression": "bills_disputed_90d > 0 OR competitor_sign = 'porting_asked'"},
        "StrategyToCheck": {"text": EXAMPLE},
        "StrategiesToCompare": {"before": EXAMPLE, "after": EXAMPLE.replace("holdout: 10 %", "holdout: 5 %")},
        "EstimateAsked": {"text": EXAMPLE.replace("holdout: 10 %", "holdout: 5 %"), "days": "90"},
        "PlanAsked": {"channel": "sms", "texts": [EXAMPLE]},
        "DecisionAsked": {"customer_id": "C00009", "channel": "agent", "texts": [EXAMPLE]},
        "WhatIfAsked": {
            "channel": "agent",
            "suppose": {"channel": "sms", "facts": {"products": 2, "open_tickets": 0, "consent_marketing": True}},
        },
        "StrategyToPublish": {"text": EXAMPLE, "mandate": _ENVELOPE},
        "RolloutStart": {"strategy": "keep_at_risk", "channel": "sms"},
        "Why": {"reason": "granted in error"},
        "PolicyDraft": {"files": [{"name": "own.cedar", "text": "permit (principal, action, resource);"}]},
        "Signed": _ENVELOPE,
        "Envelope": _ENVELOPE,
        "Share": _SHARE,
        "BatchedDecision": _SHARE,
        "RunRecord": _RUN,
        "RunStarted": {"new": True, "run": {**_RUN, "state": "analysing", "proposal": None}},
        "RunPage": {"runs": [_RUN], "next": _RUN_ID},
        "DecisionDelivered": {"run_id": _RUN_ID, "envelope": _DIGEST},
        "Message": {"type": "placet.notice.asked", "timestamp": _AT, "data": _NOTICE},
    }
)
"""By the name of the schema."""

REFUSED: Final[Mapping[int, tuple[str, str]]] = MappingProxyType(
    {
        400: ("bad_request", "a body has a Content-Length or a Transfer-Encoding, not both"),
        401: ("unauthorized", "the bearer token is missing or wrong"),
        403: ("forbidden", "the token of 'olga' does not permit to deliver here (keys); it was issued for: operator"),
        404: ("unknown_run", f"no run {_RUN_ID!r}; see `placet run list`"),
        408: ("request_timeout", "a request body must arrive within 15 s"),
        409: ("late", f"run {_RUN_ID!r} has ended: 'rejected'"),
        410: ("artifact_erased", f"artifact {_DIGEST} was erased"),
        413: ("too_large", "a request body may have 65536 bytes at most"),
        422: ("malformed", "malformed: query.limit '0': it must be 1 or more"),
        500: ("internal", "the request failed here; the server's log says why"),
        503: ("engine_unavailable", "Temporal did not take the request (UNAVAILABLE); try again"),
    }
)
"""By status: a code, and a line for people."""

EVENT_EXAMPLE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "specversion": "1.0",
        "id": "01HQW3K6",
        "source": "urn:example:charging",
        "type": "placet.balance.recharged.v1",
        "subject": "customer:C00009",
        "time": _AT,
        "data": {"amount": {"amount_minor": 1000, "currency": "USD"}, "channel": "app"},
    }
)
"""An event of a customer, as it is sent."""

NOTIFICATION_EXAMPLE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "eventId": "EVT-1",
        "eventTime": _AT,
        "eventType": "EventCreateEvent",
        "event": {
            "event": {
                "id": "EVT-1",
                "eventId": "EVT-1",
                "eventTime": _AT,
                "eventType": "TopupBalanceCreateEvent",
                "event": {
                    "topupBalance": {
                        "id": "TOP-00000001",
                        "status": "completed",
                        "amount": {"amount": 10, "units": "USD"},
                        "relatedParty": [{"id": "C00009", "role": "customer", "@referredType": "Customer"}],
                    }
                },
            }
        },
    }
)
"""A notification of a BSS, as it is posted."""
