"""Small real servers and records for the tests of the agents."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

from placet.contracts.analysis.assessment import Assessment
from placet.contracts.billing import Balance, Bill, Evidence, HeldProduct
from placet.contracts.customer import CustomerProfile, named
from placet.contracts.money import Money
from placet.contracts.run import RunRequest

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DIGEST = "0" * 64

Wire = Literal["openai", "anthropic"]


class Provider:
    """A model server that answers what a test tells it to, and keeps what it was asked."""

    def __init__(self, reply: Callable[[int, "BaseHTTPRequestHandler"], None], address: str) -> None:
        self.reply = reply
        self.address = address
        self.requests: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    def base_url(self, wire: Wire) -> str:
        return f"{self.address}/v1" if wire == "openai" else self.address


@contextmanager
def provider(reply: Callable[[int, BaseHTTPRequestHandler], None]) -> Iterator[Provider]:
    """A server on a free port; `reply` gets the number of the request (from 0) and the handler to answer with."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            served.requests.append(body)
            served.headers.append(dict(self.headers.items()))
            served.reply(len(served.requests) - 1, self)

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served = Provider(reply, f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(handler: BaseHTTPRequestHandler, status: int, body: str, kind: str = "application/json") -> None:
    data = body.encode()
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def answering(
    wire: Wire, *texts: str, tokens: tuple[int, int] = (100, 50)
) -> Callable[[int, BaseHTTPRequestHandler], None]:
    """Reply with each text in turn, the last one for ever, in the provider's wire format."""

    def reply(number: int, handler: BaseHTTPRequestHandler) -> None:
        text = texts[min(number, len(texts) - 1)]
        if wire == "openai":
            choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
            body = {
                "id": "1",
                "object": "chat.completion",
                "created": 1,
                "model": "m",
                "choices": [choice],
                "usage": usage,
            }
        else:
            body = {
                "id": "1",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [{"type": "text", "text": text}],
                "stop_reason": "end_turn",
                "usage": {"input_tokens": tokens[0], "output_tokens": tokens[1]},
            }
        send(handler, 200, json.dumps(body))

    return reply


def failing(status: int, message: str) -> Callable[[int, BaseHTTPRequestHandler], None]:
    """Reply with an HTTP error."""
    return lambda _, handler: send(handler, status, json.dumps({"error": {"message": message}}))


def usd(amount_minor: int) -> Money:
    return Money(amount_minor=amount_minor, currency="USD")


def customer(**changes: Any) -> CustomerProfile:
    facts = {"contract": "month_to_month", "internet_service": "fiber_optic", "payment_method": "Electronic check"}
    others = {
        "customer_id": "C00042",
        "status": "Active",
        "tenure_months": 3,
        "billing_account_id": "BA-C00042",
    }
    told = named({name: changes.pop(name, value) for name, value in facts.items()})
    return CustomerProfile.model_validate({**others, "facts": told, **changes})


def evidence(profile: CustomerProfile | None = None, *, bill_minor: int = 10_500, **changes: Any) -> Evidence:
    profile = profile or customer()
    product = HeldProduct(
        product_id="P-1", offering_id="PO-internet-fiber", name="Fiber", status="active", monthly_price=usd(5_000)
    )
    bill = Bill(
        bill_id="BILL-1", issued_on=date(2026, 2, 1), amount=usd(bill_minor), amount_due=usd(bill_minor), state="new"
    )
    balance = Balance(bucket_id="B-C00042", name="Main", status="active", remaining=usd(150))
    return Evidence(
        **{
            "customer": profile,
            "products": (product,),
            "bills": (bill,),
            "balances": (balance,),
            "read_at": NOW,
            **changes,
        }
    )


def request(customer_id: str = "C00042") -> RunRequest:
    return RunRequest(
        run_id="run-0123456789abcdef0123",
        tenant="demo",
        customer_id=customer_id,
        agent="retention",
        key="key-1",
        requested_by="operator",
        requested_at=NOW,
    )


def assessment(profile: CustomerProfile | None = None, **changes: Any) -> Assessment:
    facts: dict[str, Any] = {
        "run_id": request().run_id,
        "customer": profile or customer(),
        "risk": "high",
        "drivers": ("short_tenure",),
        "summary": "A summary.",
        "queries": (),
        "model_use": (),
    }
    return Assessment.model_validate({**facts, **changes})
