"""Probes of what this installation talks to. What nobody configured or started may be absent; what someone did, not."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from placet.contracts.text import NAME, one_line
from placet.contracts.times import minute
from placet.doctor.report import Finding, Level
from placet.engine.client import SEARCH_ATTRIBUTES
from placet.engine.meeting import meet
from placet.engine.payload_keys import load_or_create_key
from placet.entrypoints.settings import Settings, running_stack
from placet.entrypoints.systems import ca_file, endpoints, tokens
from placet.errors import StorageError
from placet.network.client import plain_client
from placet.network.tls import tls_context
from placet.plugin_api.allowlist import Allowlist
from placet.storage.database import Database
from placet.storage.sql.failures import NOT_MIGRATED

ANSWER_SECONDS = 2.0
_RPC = timedelta(seconds=ANSWER_SECONDS)
# Longer than any step tries by itself.
_STUCK_AFTER = timedelta(minutes=10)
_MOVING = frozenset({"analysing", "querying", "proposing", "executing"})
_SHOWN_RUNS = 3
_START = "`placet up` starts it"
_NOBODY = "placet-doctor"
_ASKED_OF = {
    "billing": ("/tmf-api/customerBillManagement/v4/customerBill", {"relatedParty.id": _NOBODY}),
    "commerce": ("/tmf-api/productOrderingManagement/v4/productOrder", {"externalId": _NOBODY}),
}
"""What each is asked for: a list that is empty, and that nothing but a BSS has. No customer's data is read."""


def stack(settings: Settings) -> Iterator[Finding]:
    """Check whether an embedded stack is running in this home."""
    running = running_stack(settings.home)
    if running:
        yield Finding("ok", "stack", f"`placet up` is running: Temporal at {running.get('temporal_address')}")
    else:
        yield Finding("info", "stack", "`placet up` is not running here")


def database(settings: Settings) -> Iterator[Finding]:
    """Check that the database is reachable, writable and migrated."""
    file = settings.home.resolve() / "placet.db"
    if not settings.database_url and not file.exists():
        yield Finding("info", "database", f"{str(file)!r} does not exist; the first command that needs it creates it")
        return
    with Database(settings.database, pool_size=1, lock_timeout_s=1.5, statement_timeout_s=ANSWER_SECONDS) as opened:
        try:
            opened.check()
        except StorageError as error:
            if error.code != NOT_MIGRATED:
                raise
            if settings.database_url:
                yield Finding("problem", "database", str(error), "run `placet migrate`")
            else:
                yield Finding("info", "database", f"{opened.name}: the next command that needs it migrates it")
            return
        yield Finding("ok", "database", f"{opened.name}, schema {opened.revision()}")
        for fault in opened.weakened():
            advice = (
                "have the database's owner say why; then run `placet audit verify`, and restore a backup if in doubt"
            )
            yield Finding("problem", "database", fault, advice)


def temporal(settings: Settings) -> Iterator[Finding]:
    """Check the server, our namespace and search attributes, and whether a worker polls."""
    absent = _absent(settings, "temporal_address", "temporal_namespace")
    try:
        yield from asyncio.run(_temporal(settings, absent))
    except (RPCError, RuntimeError, TimeoutError):
        where = f"{settings.temporal_address!r} does not answer"
        yield Finding(absent, "temporal", where, f"{_START}, or set PLACET_TEMPORAL_ADDRESS")


async def _temporal(settings: Settings, absent: Level) -> list[Finding]:
    namespace = settings.temporal_namespace
    async with asyncio.timeout(ANSWER_SECONDS):
        client = await Client.connect(settings.temporal_address, namespace=namespace)
        try:
            await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=namespace), timeout=_RPC
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            advice = "create it, or set PLACET_TEMPORAL_NAMESPACE"
            detail = f"{settings.temporal_address} has no namespace {namespace!r}"
            return [Finding("problem", "temporal", detail, advice)]
        found = [Finding("ok", "temporal", f"{settings.temporal_address}, namespace {namespace!r}")]
        found += await _search_attributes(client)
        found += await _workers(client, settings, absent)
        return found


async def _search_attributes(client: Client) -> list[Finding]:
    present = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace), timeout=_RPC
    )
    missing = [name for name in SEARCH_ATTRIBUTES if name not in present.custom_attributes]
    if not missing:
        return []
    detail = f"search attributes are missing: {', '.join(missing)}"
    return [Finding("info", "temporal", detail, "the next worker that starts registers them")]


async def _workers(client: Client, settings: Settings, absent: Level) -> list[Finding]:
    if not settings.payload_key.exists():
        detail = "there is no payload key, so that no worker of this installation can poll"
        return [Finding(absent, "worker", detail, "start one with `placet worker`")]
    keys = load_or_create_key(settings.payload_key)
    name = f"installation {keys.installation}"
    met = await meet(client, keys.task_queue)
    if met.pollers:
        workers = (f"{one_line(each.identity, NAME)} (asked for work {each.seconds} s ago)" for each in met.pollers)
        detail = f"{name}: {len(met.pollers)} polling task queue {keys.task_queue!r}: {', '.join(workers)}"
        return [Finding("ok", "worker", detail)]
    level: Level = "problem" if met.others else absent
    return [Finding(level, "worker", f"{name}: {met.warning}", "start one with `placet worker`")]


def stuck(settings: Settings) -> Iterator[Finding]:
    """Find runs that wait for nobody and do not move."""
    if not settings.database_url and not (settings.home.resolve() / "placet.db").exists():
        return
    before = datetime.now(UTC) - _STUCK_AFTER
    try:
        with Database(settings.database, pool_size=1, lock_timeout_s=1.5, statement_timeout_s=ANSWER_SECONDS) as opened:
            if opened.revision() is None:
                return
            with opened.reading() as tx:
                runs = tx.runs.unmoved(settings.tenants, before=before, states=_MOVING, limit=_SHOWN_RUNS + 1)
    except StorageError:
        return  # the finding about the database says so
    if not runs:
        yield Finding("ok", "runs", f"none stands still for over {_STUCK_AFTER}")
        return
    more = " and more" if len(runs) > _SHOWN_RUNS else ""
    listed = ", ".join(f"{run.run_id} {run.state!r} since {minute(run.updated_at)}" for run in runs[:_SHOWN_RUNS])
    advice = "see `placet run show`; `placet reconcile` records what Temporal ended"
    yield Finding("problem", "runs", f"stand still: {listed}{more}", advice)


def bss(settings: Settings) -> Iterator[Finding]:
    """Check that billing and commerce are what they are taken for.

    Each is asked for a list about nobody, as a plugin would.
    """
    given, authorities = tokens(settings), ca_file(settings)
    trusted = tls_context(authorities) if authorities else None
    listed = {rules.name: {rule.path for rule in rules.allow} for rules in Allowlist.load(settings.allowlist).plugins}
    for role, url in endpoints(settings).items():
        path, query = _ASKED_OF[role]
        if path not in listed.get(role, ()):
            yield Finding("info", "BSS", f"{role} at {url!r} is another kind of system; it was not asked")
            continue
        absent = _absent(settings, "bss_url", f"{role}_url")
        token = given[role]
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token is not None else {}
        try:
            # As the plugins do: straight to the address, whatever proxy the environment names.
            with plain_client(ANSWER_SECONDS, tls=trusted) as client:
                answer = client.get(f"{url.rstrip('/')}{path}", params={**query, "limit": "1"}, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            yield Finding(absent, "BSS", f"{role} at {url!r}: {_said(error)}", f"{_START}, or set PLACET_BSS_URL")
        else:
            yield _recognised(role, url, path, answer)


def _recognised(role: str, url: str, path: str, answer: httpx.Response) -> Finding:
    where = f"{role} at {url}"
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        advice = f"set PLACET_{role.upper()}_TOKEN, or PLACET_BSS_TOKEN where both are one system"
        return Finding("problem", "BSS", f"{where} refuses our token (HTTP {answer.status_code})", advice)
    try:
        known = answer.status_code in (httpx.codes.OK, httpx.codes.PARTIAL_CONTENT) and answer.json() == []
    except ValueError:
        known = False
    if known:
        return Finding("ok", "BSS", f"{where} answers as one does")
    detail = f"{where} is no BSS as it is configured: asked for {path} of nobody, it answered HTTP {answer.status_code}"
    return Finding("problem", "BSS", f"{detail} and no empty list", "check PLACET_BSS_URL and its path")


def _absent(settings: Settings, *names: str) -> Level:
    """Return how bad it is that something does not answer.

    It is a problem if somebody named its address, or runs the stack that includes it.
    """
    return "problem" if any(name in settings.model_fields_set for name in names) else "info"


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
