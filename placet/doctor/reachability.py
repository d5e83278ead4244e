"""Probes of what this installation talks to. What nobody configured or started may be absent; what someone did, not."""

import asyncio
import ssl
import time
from collections.abc import Iterator
from datetime import timedelta

import httpx
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from placet.doctor.report import Finding, Level
from placet.engine.client import SEARCH_ATTRIBUTES, TASK_QUEUE
from placet.entrypoints.settings import Settings, running_stack
from placet.entrypoints.systems import ca_file, endpoints, tokens
from placet.errors import StorageError
from placet.storage.database import Database
from placet.storage.failures import NOT_MIGRATED

ANSWER_SECONDS = 2.0
_RPC = timedelta(seconds=ANSWER_SECONDS)
# A worker asks for work again at least once a minute.
_POLLING_SECONDS = 90
_START = "`placet up` starts it"


def stack(settings: Settings) -> Iterator[Finding]:
    """Is an embedded stack running in this home?"""
    running = running_stack(settings.home)
    if running:
        yield Finding("ok", "stack", f"`placet up` is running: Temporal at {running.get('temporal_address')}")
    else:
        yield Finding("info", "stack", "`placet up` is not running here")


def database(settings: Settings) -> Iterator[Finding]:
    """Reachable, writable and migrated."""
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


def temporal(settings: Settings) -> Iterator[Finding]:
    """The server, our namespace and search attributes, and whether a worker polls."""
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
        found += await _workers(client, absent)
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


async def _workers(client: Client, absent: Level) -> list[Finding]:
    queue = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=TASK_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        ),
        timeout=_RPC,
    )
    oldest = time.time() - _POLLING_SECONDS
    polling = sorted(poller.identity for poller in queue.pollers if poller.last_access_time.seconds > oldest)
    if polling:
        return [Finding("ok", "worker", f"{len(polling)} polling task queue {TASK_QUEUE!r}: {', '.join(polling)}")]
    return [Finding(absent, "worker", f"none polls task queue {TASK_QUEUE!r}", "start one with `placet worker`")]


def bss(settings: Settings) -> Iterator[Finding]:
    """Billing and commerce answer at their addresses; nothing is sent but a plain GET without credentials."""
    tokens(settings)
    roles: dict[str, list[str]] = {}
    for role, url in endpoints(settings).items():
        roles.setdefault(url, []).append(role)
    authorities = ca_file(settings)
    trusted = ssl.create_default_context(cafile=authorities) if authorities else True
    for url, names in roles.items():
        absent = _absent(settings, "bss_url", *(f"{name}_url" for name in names))
        what = " and ".join(names)
        try:
            # As the plugins do: straight to the address, whatever proxy the environment names.
            with httpx.Client(trust_env=False, timeout=ANSWER_SECONDS, verify=trusted) as client:
                status = client.get(url).status_code
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            yield Finding(absent, "BSS", f"{what} at {url!r}: {_said(error)}", f"{_START}, or set PLACET_BSS_URL")
        else:
            yield Finding("ok", "BSS", f"{what} at {url} (HTTP {status})")


def _absent(settings: Settings, *names: str) -> Level:
    """How bad it is that something does not answer: someone named its address, or runs the stack that includes it."""
    return "problem" if any(name in settings.model_fields_set for name in names) else "info"


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
