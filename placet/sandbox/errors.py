"""What goes wrong in the sandbox: at start (`SandboxError`) and in one request (`TmfError`).

The sandbox is a foreign system to Placet, so it has its own errors and shares none of `placet.errors`.
"""


class SandboxError(Exception):
    """The sandbox cannot start: a file or an address it was given is wrong. One clear line."""


class TmfError(Exception):
    """A request is answered with a TM Forum error body (TMF630 REST guidelines).

    Attributes:
        status: HTTP status code.
        code: Short machine-readable code, stable.
        reason: What is wrong, with the value.
    """

    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.code = code
        self.reason = reason


def not_found(kind: str, identifier: str) -> TmfError:
    """Make a 404 for a resource that does not exist."""
    return TmfError(404, "notFound", f"{kind} {identifier!r} does not exist")


def bad_body(reason: str) -> TmfError:
    """Make a 400 for a request body that cannot be accepted."""
    return TmfError(400, "invalidBody", reason)


def bad_query(reason: str) -> TmfError:
    """Make a 400 for a query string that cannot be accepted."""
    return TmfError(400, "invalidQuery", reason)


def conflict(code: str, reason: str) -> TmfError:
    """Make a 409: well-formed, but the state of the resource forbids it."""
    return TmfError(409, code, reason)
