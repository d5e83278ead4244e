"""`placet doctor` on real parts: what is broken is told from what is absent; nothing changes, no secret shows."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import PollWorkflowTaskQueueRequest

from placet.doctor import diagnosis
from placet.doctor.diagnosis import diagnose
from placet.doctor.report import Finding, Report, setting_lines, show
from placet.engine.client import SEARCH_ATTRIBUTES, Engine
from placet.engine.payload_keys import load_or_create_key
from placet.entrypoints.environment import CHECKOUT
from placet.entrypoints.processes.process import Child, free_port
from placet.entrypoints.processes.stack import placet_command
from placet.entrypoints.settings import Settings
from placet.governance.signing.keys import create_key_file
from placet.plugin_api.testing.probe import ProbeAnswer, ProbeServer
from placet.sandbox.config import SandboxConfig
from placet.sandbox.server import running
from tests.integration.running.diagnosing import of, one, untouched
from tests.support.databases import migrated
from tests.support.guard import GUARD
from tests.support.temporal import temporal_server

pytestmark = pytest.mark.xdist_group("doctor")

SECRET = "s3cr3t-0123456789abcdef"
ROLES = ("billing", "commerce")


@contextmanager
def model_server(body: bytes) -> Iterator[str]:
    """Somebody's HTTP server, which answers every GET with `body`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002 - the base's own name

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1"
        server.shutdown()


@pytest.fixture(scope="module")
def temporal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with temporal_server(tmp_path_factory.mktemp("temporal"), bare=True) as (address, _):
        yield address


def levels(report: Report) -> Mapping[str, set[str]]:
    return {check: {f.level for f in of(report, check)} for check in {f.check for f in report.findings}}


def test_a_fresh_checkout_has_nothing_broken_and_stays_untouched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = diagnose(untouched(tmp_path / "home"))
    assert show(report, as_json=False) == 0
    assert capsys.readouterr().out.endswith("\nno problem found\n")
    found = levels(report)
    assert not (tmp_path / "home").exists()
    for absent in ("stack", "database", "temporal", "BSS", "model server", "payload key", "approver keys", "HTTP API"):
        assert found[absent] == {"info"}, absent
    for sound in ("python", "packages", "temporal binary", "embedded model", "plugin allowlist", "policies"):
        assert found[sound] == {"ok"}, sound


def test_an_address_somebody_named_must_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    report = diagnose(
        Settings(
            home=tmp_path,
            temporal_address=nobody,
            bss_url=f"http://{nobody}",
            model_url=f"http://{nobody}/v1",
            database_url=f"postgresql://placet@{nobody}/placet",
        )
    )
    for check in ("temporal", "BSS", "model server", "database"):
        assert {finding.level for finding in of(report, check)} == {"problem"}, check
    assert show(report, as_json=True) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["problems"] == 3 + len(ROLES)
    assert {finding["check"] for finding in document["findings"] if finding["level"] == "problem"} == {
        "temporal", "BSS", "model server", "database"
    }  # fmt: skip


def test_a_whole_running_installation_is_all_right(tmp_path: Path, temporal: str) -> None:
    migrated(f"sqlite:///{tmp_path / 'placet.db'}").close()
    keys = load_or_create_key(tmp_path / "payload.key")
    create_key_file(tmp_path / "keys" / "anna.pem", "correct horse")

    async def with_a_worker(settings: Settings) -> Report:
        engine = await Engine.connect(temporal, "default", keys)
        await engine.ensure_search_attributes()
        poll = PollWorkflowTaskQueueRequest(
            namespace="default", task_queue=TaskQueue(name=keys.task_queue), identity="worker-1"
        )
        polling = asyncio.create_task(engine.client.workflow_service.poll_workflow_task_queue(poll))
        try:
            report = await asyncio.to_thread(diagnose, settings)
            deadline = time.monotonic() + GUARD
            while any(one.level == "problem" for one in report.findings) and time.monotonic() < deadline:
                report = await asyncio.to_thread(diagnose, settings)
            return report
        finally:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)

    models = b'{"object": "list", "data": [{"id": "smollm2-135m-instruct"}]}'
    with running(SandboxConfig(token=SecretStr(SECRET))) as bss, model_server(models) as model:
        settings = Settings(
            home=tmp_path,
            temporal_address=temporal,
            bss_url=bss,
            bss_token=SecretStr(SECRET),
            model_url=model,
            api_token=SecretStr(SECRET),
        )
        report = asyncio.run(with_a_worker(settings))
    assert [finding for finding in report.findings if finding.level == "problem"] == []
    polled = f"installation {keys.installation}: 1 polling task queue {keys.task_queue!r}: worker-1 (asked for work "
    assert one(report, "worker").detail.startswith(polled)
    assert one(report, "temporal").detail == f"{temporal}, namespace 'default'"
    assert one(report, "model server").detail == f"{model} serves smollm2-135m-instruct"
    assert [f.detail for f in of(report, "BSS")] == [f"{role} at {bss} answers as one does" for role in ROLES]
    assert of(report, "installation") == []
    for check in ("database", "payload key", "approver keys", "HTTP API"):
        assert one(report, check).level == "ok", check


def test_missing_search_attributes_a_missing_worker_and_a_missing_namespace_are_told_apart(tmp_path: Path) -> None:
    with temporal_server(tmp_path, bare=True) as (address, _):
        report = diagnose(Settings(home=tmp_path, temporal_address=address))
        known, missing = of(report, "temporal")
        assert (known.level, missing.level) == ("ok", "info")
        assert missing.detail == f"search attributes are missing: {', '.join(SEARCH_ATTRIBUTES)}"
        assert one(report, "worker").level == "problem"
        elsewhere = diagnose(Settings(home=tmp_path, temporal_address=address, temporal_namespace="mars"))
        assert one(elsewhere, "temporal").detail == f"{address} has no namespace 'mars'"
        assert one(elsewhere, "temporal").level == "problem"


def test_keys_that_others_can_read_are_a_problem(tmp_path: Path) -> None:
    load_or_create_key(tmp_path / "payload.key")
    (tmp_path / "payload.key").chmod(0o644)
    for name in ("anna", "bob"):
        create_key_file(tmp_path / "keys" / f"{name}.pem", "correct horse")
    exposed = tmp_path / "keys" / "anna.pem"
    exposed.chmod(0o640)
    report = diagnose(untouched(tmp_path))
    assert one(report, "approver keys") == Finding(
        "problem", "approver keys", f"{str(exposed)!r} can be read by others (mode 0640)", f"chmod 600 {exposed}"
    )
    assert one(report, "payload key").level == "problem"
    assert one(report, "payload key").advice == f"chmod 600 {tmp_path / 'payload.key'}"
    assert one(report, "file modes") == Finding(
        "problem",
        "file modes",
        f"2 in home can be reached by others, such as {str(exposed)!r}",
        f"chmod -R go-rwx {tmp_path}",
    )


def test_a_named_payload_key_must_exist_and_be_one(tmp_path: Path) -> None:
    path = tmp_path / "shared.key"
    missing = one(diagnose(untouched(tmp_path, payload_key_file=path)), "payload key")
    assert (missing.level, missing.detail) == ("problem", f"{str(path)!r} does not exist")
    assert not path.exists()
    path.write_text("not hexadecimal\n")
    wrong = one(diagnose(untouched(tmp_path, payload_key_file=path)), "payload key")
    assert wrong.level == "problem"
    assert str(path) in wrong.detail


@pytest.mark.parametrize(
    ("setting", "check"), [("allowlist", "plugin allowlist"), ("models_file", "models"), ("policy_dir", "policies")]
)
def test_configuration_that_cannot_be_read_is_a_problem_that_names_it(tmp_path: Path, setting: str, check: str) -> None:
    missing = tmp_path / "nowhere"
    found = one(diagnose(untouched(tmp_path, **{setting: missing})), check)
    assert found.level == "problem"
    assert str(missing) in found.detail


def test_a_tenants_broken_policy_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "policies" / "demo").mkdir(parents=True)
    (tmp_path / "policies" / "demo" / "own.cedar").write_text("permit everything;")
    found = one(diagnose(untouched(tmp_path, policy_dir=tmp_path / "policies")), "policies")
    assert (found.level, found.advice) == ("problem", "until then every answer is no")


def test_tasks_of_no_agent_and_an_agent_without_tasks_are_problems(tmp_path: Path) -> None:
    shipped = (CHECKOUT / "agents" / "models.toml").read_text()
    path = tmp_path / "models.toml"
    path.write_text(shipped.replace("[tasks.retention]", "[tasks.retenton]"))
    misspelt = one(diagnose(untouched(tmp_path, models_file=path)), "models")
    assert misspelt.level == "problem"
    assert "there is no agent 'retenton'; known: retention" in misspelt.detail
    path.write_text(shipped.partition("[tasks.retention]")[0] + "[tasks]\n")
    without = of(diagnose(untouched(tmp_path, models_file=path)), "models")
    assert without[1:3] == [
        Finding(
            "problem",
            "models",
            f"no models answer task {task!r} of agent 'retention'",
            "name them in [tasks.retention] of the models file",
        )
        for task in ("analyse", "propose")
    ]


def test_hosted_models_need_a_key_only_where_they_are_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    off = of(diagnose(untouched(tmp_path)), "models")
    assert [(f.level, f.detail) for f in off[1:]] == [("info", "hosted ones are off: anthropic, gemini, openai")]
    keyless = of(diagnose(untouched(tmp_path, allow_hosted_models=True)), "models")
    assert [(f.level, f.advice) for f in keyless[1:]] == [
        ("problem", "set ANTHROPIC_API_KEY"),
        ("problem", "set GEMINI_API_KEY"),
        ("problem", "set OPENAI_API_KEY"),
    ]
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    one_key = of(diagnose(untouched(tmp_path, allow_hosted_models=True)), "models")
    assert [(f.level, f.detail) for f in one_key[1:]] == [
        ("info", "hosted model 'anthropic' is not configured"),
        ("info", "hosted model 'gemini' is not configured"),
        ("ok", "hosted, with a key: openai"),
    ]


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"[]", b'{"data": [{"name": "x"}]}'])
def test_a_server_that_is_no_model_server_is_a_problem(tmp_path: Path, body: bytes) -> None:
    with model_server(body) as url:
        found = one(diagnose(untouched(tmp_path, model_url=url)), "model server")
    assert (found.level, found.advice) == ("problem", "check PLACET_MODEL_URL")


def test_every_model_that_is_configured_is_asked(tmp_path: Path) -> None:
    nobody = f"http://127.0.0.1:{free_port()}/v1"
    with model_server(b'{"data": [{"id": "small"}]}') as url:
        (tmp_path / "models.toml").write_text(
            f"""
            [models.local]
            route = "openai/small"
            base_url = "{url}"
            perimeter = "inside"
            timeout_s = 5
            max_tokens = 10
            [models.large]
            route = "openai/large"
            base_url = "{nobody}"
            perimeter = "inside"
            timeout_s = 5
            max_tokens = 10
            [models.other]
            route = "openai/other"
            base_url = "{url}"
            perimeter = "inside"
            timeout_s = 5
            max_tokens = 10
            [tasks.retention]
            analyse = ["local", "large", "other"]
            """
        )
        settings = untouched(tmp_path, model_url=url, models_file=tmp_path / "models.toml")
        found = [(finding.level, finding.detail) for finding in of(diagnose(settings), "model server")]
    assert found[0] == ("ok", f"{url} serves small")
    assert found[1][0] == "problem"
    assert found[1][1].startswith(f"model 'large' at '{nobody}/models': ")
    assert found[2] == ("info", f"model 'other' at {url} serves small; it will be asked for 'other'")


@pytest.mark.parametrize(
    ("answer", "level"),
    [
        (ProbeAnswer(404), "problem"),
        (ProbeAnswer(200, b"<html>hello</html>"), "problem"),
        (ProbeAnswer(200, b"{}"), "problem"),
        (ProbeAnswer(401), "problem"),
        (ProbeAnswer(200, b"[]"), "ok"),
    ],
)
def test_only_what_answers_like_a_bss_is_one(tmp_path: Path, answer: ProbeAnswer, level: str) -> None:
    with ProbeServer(lambda _: answer) as server:
        found = of(diagnose(untouched(tmp_path, bss_url=server.url)), "BSS")
    assert [finding.level for finding in found] == [level] * len(ROLES)


def test_an_empty_home_beside_anothers_stack_is_no_installation(tmp_path: Path, temporal: str) -> None:
    found = one(diagnose(untouched(tmp_path, temporal_address=temporal)), "installation")
    assert found.level == "info"
    assert found.detail == f"there is none in {str(tmp_path)!r} yet; whatever answers below belongs to another one"


def test_an_agent_that_no_policy_lets_propose_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    rule = '@id("others") permit (principal == Agent::"advance", action == Action::"propose", resource);'
    (tmp_path / "demo" / "policy.cedar").write_text(rule)
    found = one(diagnose(untouched(tmp_path, policy_dir=tmp_path)), "policies")
    assert (found.level, found.detail) == (
        "problem",
        "no policy of tenant 'demo' lets agent 'retention' propose anything",
    )


def test_no_secret_is_ever_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    settings = Settings(
        home=tmp_path,
        database_url=f"postgresql://placet:{SECRET}@second-half@{nobody}/placet",
        bss_url=f"http://joe:{SECRET}@{nobody}/base?token={SECRET}",
        model_url=f"http://{SECRET}@{nobody}/v1",
        bss_token=SecretStr(SECRET),
        api_token=SecretStr(SECRET),
    )
    for report in (diagnose(settings), Report(settings=setting_lines(settings))):
        for as_json in (False, True):
            show(report, as_json=as_json)
    shown = capsys.readouterr().out
    assert SECRET not in shown
    assert "second-half" not in shown
    assert f"postgresql://***@{nobody}/placet" in shown


def test_every_setting_is_listed_with_its_value(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report(settings=setting_lines(Settings(home=tmp_path, tenant="acme", bss_token=SecretStr(SECRET))))
    assert show(report, as_json=True) == 0
    lines = {line["name"]: line for line in json.loads(capsys.readouterr().out)}
    assert set(lines) == {f"PLACET_{name.upper()}" for name in Settings.model_fields}
    assert lines["PLACET_TENANT"] == {
        "name": "PLACET_TENANT", "value": "acme", "default": False, "description": "tenant a command acts for"
    }  # fmt: skip
    assert (lines["PLACET_BSS_TOKEN"]["value"], lines["PLACET_API_TOKEN"]["value"]) == ("(set)", "(not set)")
    assert lines["PLACET_TENANTS"]["value"] == '["demo"]'
    assert lines["PLACET_EFFECT_ATTEMPTS"]["default"] is True
    assert show(report, as_json=False) == 0
    assert "PLACET_TENANT=acme\n    tenant a command acts for\n" in capsys.readouterr().out


def test_a_probe_that_hangs_or_breaks_is_a_line_and_not_a_traceback(tmp_path: Path) -> None:
    released = threading.Event()

    def hangs(_settings: Settings) -> Iterator[Finding]:
        released.wait(30)
        yield Finding("ok", "hangs", "at last")

    def breaks(_settings: Settings) -> Iterator[Finding]:
        yield Finding("ok", "breaks", "so far")
        raise ZeroDivisionError("nobody foresaw\nthis")

    try:
        probes: dict[str, diagnosis.Probe] = {"hangs": hangs, "breaks": breaks}
        assert list(diagnosis._run(probes, untouched(tmp_path), 2.0)) == [
            Finding("problem", "hangs", "no answer within 2 s"),
            Finding("problem", "breaks", "ZeroDivisionError: nobody foresaw\nthis"),
        ]
    finally:
        released.set()


def test_the_command_exits_by_what_it_found(tmp_path: Path) -> None:
    environment = {
        "PLACET_HOME": str(tmp_path / "home"),
        "PLACET_DATABASE_URL": f"postgresql://placet:{SECRET}@127.0.0.1:{free_port()}/placet",
    }
    log = tmp_path / "doctor.log"
    child = Child("doctor", placet_command("doctor", "--json"), log, environment)
    assert child._process.wait(GUARD) == 1
    assert child.death  # all it wrote is in its log now
    findings = json.loads(log.read_text())["findings"]
    assert [f["level"] for f in findings if f["check"] == "database"] == ["problem"]
    assert SECRET not in log.read_text()
