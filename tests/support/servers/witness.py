"""A witness over real HTTP (c2sp.org/tlog-witness): it cosigns checkpoints that extend the last one it saw."""

import base64
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from placet.errors import GovernanceError
from placet.governance.log.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from placet.governance.log.merkle import verify_consistency
from placet.governance.log.notes import COSIGNATURE, VerifierKey, untrusted_text
from placet.governance.signing.keys import public_bytes

TIME = 1_772_366_400


class Witness:
    """What one witness knows; `answer` is the whole protocol."""

    def __init__(self, logs: Sequence[VerifierKey]) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.key = VerifierKey("witness.example/w1", public_bytes(self._private.public_key()), COSIGNATURE)
        self.logs = list(logs)
        self.seen: dict[str, Checkpoint] = {}
        self.requests: list[str] = []
        self.url = ""
        self.scripted: list[tuple[int, str]] = []

    def answer(self, path: str, body: str) -> tuple[int, str]:
        """Status and text for one request."""
        self.requests.append(body)
        if self.scripted:
            return self.scripted.pop(0)
        head, _, note = body.partition("\n\n")
        claimed = parse_checkpoint(untrusted_text(note))
        known = [key for key in self.logs if key.name == claimed.origin]
        if path != "/prefix/add-checkpoint" or not known:
            return 404, ""
        try:
            checkpoint = open_checkpoint(note, known)
        except GovernanceError:
            return 403, ""
        old, *proof = head.split("\n")
        last = self.seen.get(claimed.origin)
        size = 0 if last is None else last.size
        if old != f"old {size}":
            return 409, f"{size}\n"
        try:
            if last is not None:
                hashes = [base64.b64decode(line) for line in proof]
                verify_consistency(last.size, last.root, checkpoint.size, checkpoint.root, hashes)
        except GovernanceError:
            return 422, ""
        self.seen[claimed.origin] = checkpoint
        signature = self._private.sign(f"cosignature/v1\ntime {TIME}\n{checkpoint.text()}".encode())
        line = base64.b64encode(self.key.key_id + TIME.to_bytes(8, "big") + signature).decode()
        return 200, f"— {self.key.name} {line}\n"


@contextmanager
def running_witness(logs: Sequence[VerifierKey]) -> Iterator[Witness]:
    """A witness that trusts `logs`, on a free port of the loopback interface."""
    witness = Witness(logs)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status, text = witness.answer(self.path, body)
            data = text.encode(errors="surrogateescape")
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Content-Type", "text/plain; charset=utf-8")
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    witness.url = f"http://127.0.0.1:{server.server_address[1]}/prefix"
    try:
        yield witness
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
