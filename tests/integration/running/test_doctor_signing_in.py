"""`placet doctor` on how people come in: the door for the first administrator, and a real identity provider."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from joserfc.jwk import ECKey, KeySet

from placet.doctor.diagnosis import diagnose
from placet.doctor.report import Finding
from placet.entrypoints.processes.process import answers, await_condition, free_port
from placet.entrypoints.settings import Settings
from placet.governance.signing.keys import public_bytes
from placet.governance.signing.pins import AdministratorsFile
from placet.service.documents.first_administrator import MOST_WRONG, SetupCode
from tests.integration.running.diagnosing import of, one
from tests.support.enrolment import new_signer
from tests.support.guard import GUARD

KEYS: dict[str, Any] = {**KeySet([ECKey.generate_key("P-256")]).as_dict(private=False)}
CONSOLE = "http://localhost:8620"


def the_code(home: Path) -> Finding:
    return one(diagnose(Settings(home=home)), "setup code")


def test_a_code_that_waits_is_told_with_its_end_and_closes_with_the_first_administrator(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert "none waits for demo" in the_code(tmp_path).detail
    code = SetupCode(settings.setup_code, "demo")
    printed = code.issue()
    found = the_code(tmp_path)
    assert (found.level, found.advice) == (
        "info",
        "use it at /console/setup; it closes when an administrator is pinned",
    )
    assert found.detail.startswith("one waits until 20")
    assert found.detail.endswith("; whoever has it can become administrator of demo")
    assert printed not in found.detail
    code.check("wrong")
    assert "after 1 wrong try of 5" in the_code(tmp_path).detail
    root = new_signer("root")
    AdministratorsFile(settings.administrators).add("demo", "root", public_bytes(root.key.private.public_key()))
    found = the_code(tmp_path)
    assert (found.level, found.detail.partition(":")[0]) == ("ok", "setup of demo is closed")


def test_a_code_that_was_tried_wrongly_too_often_waits_no_more(tmp_path: Path) -> None:
    code = SetupCode(Settings(home=tmp_path).setup_code, "demo")
    code.issue()
    for _ in range(MOST_WRONG):
        code.check("wrong")
    assert "none waits for demo" in the_code(tmp_path).detail


def looked_at(home: Path, issuer: str, **changes: Any) -> list[tuple[str, str]]:
    given: dict[str, Any] = {"oidc_client_id": "placet-console", "console_url": CONSOLE, **changes}
    found = of(diagnose(Settings(home=home, oidc_issuer=issuer, **given)), "identity provider")
    assert not any("\n" in finding.detail for finding in found)
    return [(finding.level, finding.detail) for finding in found]


def test_a_real_provider_is_all_right_in_three_lines(tmp_path: Path) -> None:
    port = free_port()
    issuer = f"http://localhost:{port}"
    command = [sys.executable, "-m", "tests.support.servers.identity_provider", str(port), f"{CONSOLE}/back"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        await_condition(lambda: answers(port), seconds=GUARD, what="the identity provider answering")
        found = looked_at(tmp_path, issuer)
    finally:
        process.terminate()
        process.wait(GUARD)
    assert [level for level, _ in found] == ["ok"] * 3
    assert found[0][1] == f"{issuer}/.well-known/openid-configuration answers"
    assert found[1][1] == f"it names itself {issuer}, as PLACET_OIDC_ISSUER does"
    assert found[2][1].startswith("it publishes ")
    (gone,) = looked_at(tmp_path, issuer)
    assert gone[0] == "problem"
    assert gone[1].startswith("localhost does not answer: ")


@contextmanager
def provider(said: dict[str, Any], keys: dict[str, Any]) -> Iterator[str]:
    """A provider that says what a test wants."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = f"http://{self.headers['Host']}"
            names = {f"{name}_endpoint": f"{address}/{name}" for name in ("authorization", "token")}
            metadata = {"issuer": address, **names, "jwks_uri": f"{address}/keys", **said}
            body = json.dumps(keys if self.path == "/keys" else metadata).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("metadata", "keys", "holds", "said"),
    [
        ({"issuer": "https://evil.example"}, KEYS, 1, "names itself 'https://evil.example'; set PLACET_OIDC_ISSUER"),
        ({"issuer": 17}, KEYS, 0, "what 127.0.0.1 says of itself is wrong: issuer"),
        ({"jwks_uri": "http://127.0.0.1:9/keys"}, KEYS, 2, "127.0.0.1 does not answer"),
        ({}, {"keys": []}, 2, "the keys of 127.0.0.1 cannot be read"),
        (
            {},
            {"keys": [{"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQ"}]},
            2,
            "publishes no key that could have signed",
        ),
        ({}, {"keys": [{**KEYS["keys"][0], "use": "enc"}]}, 2, "publishes no key that could have signed"),
    ],
)
def test_what_is_wrong_with_a_provider_is_one_line_after_those_that_hold(
    tmp_path: Path, metadata: dict[str, Any], keys: dict[str, Any], holds: int, said: str
) -> None:
    with provider(metadata, keys) as issuer:
        found = looked_at(tmp_path, issuer)
    assert [level for level, _ in found] == ["ok"] * holds + ["problem"]
    assert said in found[-1][1]


def test_settings_that_do_not_suffice_are_told_and_no_provider_is_none(tmp_path: Path) -> None:
    (found,) = looked_at(tmp_path, "http://127.0.0.1:9", console_url="")
    assert found[0] == "problem"
    assert "PLACET_OIDC_ISSUER needs PLACET_OIDC_CLIENT_ID, and PLACET_CONSOLE_URL" in found[1]
    assert looked_at(tmp_path, "") == [
        ("info", "none is configured; people sign in at the console with passkeys and tokens")
    ]
