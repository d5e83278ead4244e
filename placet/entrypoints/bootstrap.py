"""The composition root: the one place that knows which concrete part fills each seam."""

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from temporalio import activity
from temporalio.exceptions import CancelledError

from activities.admission import Admission
from activities.resources import WorkerResources
from agents.application import Application
from agents.catalogue import declared_tasks, load
from agents.model_calls.inference import Inference, ModelsConfig, RoutedInference
from placet.contracts.audit import RecordKind
from placet.contracts.billing import SourceCall
from placet.entrypoints.connection import open_database
from placet.entrypoints.environment import environment_secret
from placet.entrypoints.likelihoods import Likelihoods
from placet.entrypoints.model_server import MODEL_ALIAS, weights_path
from placet.entrypoints.settings import Settings
from placet.entrypoints.systems import load_systems, mutation_timeout_seconds
from placet.entrypoints.tenant_files.contact import ContactFiles
from placet.entrypoints.tenant_files.policies import PolicyFiles
from placet.errors import ConfigurationError, PluginViolation, StorageError
from placet.gate.context import LiveCustomer
from placet.governance.log.key import LogIdentity, load_or_create_log_identity
from placet.notify.address_book import AddressBook, load_address_book
from placet.plugin_api.loader import LoadedPlugins
from placet.service.journeys.stepping import JourneySteps
from placet.service.rollouts.stepping import RolloutSteps
from placet.service.state.current import state_of
from placet.service.strategies.deciding import live_customer
from placet.storage.database import Database

_EMBEDDED_ROUTE = f"openai/{MODEL_ALIAS}"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Parts:
    """What a worker is made of; whoever takes it closes it."""

    context: WorkerResources
    database: Database
    plugins: LoadedPlugins
    policies: PolicyFiles

    def close(self) -> None:
        """Close connections."""
        self.plugins.close()
        self.database.close()


def build_inference(settings: Settings) -> Inference:
    """Build the model routing from the models file, with the local model's address from the settings."""
    config = ModelsConfig.load(settings.models_file)
    config.check_tasks(declared_tasks())
    return RoutedInference(
        config,
        base_urls={"local": settings.model_url},
        secret=environment_secret,
        allow_hosted=settings.allow_hosted_models,
        networks=settings.perimeter,
        ca_file=settings.model_ca_file,
        hosted_proxy=settings.hosted_proxy,
        weights=_own_weights(config, settings.model_url),
        waiting=_end_with_the_step,
    )


def _end_with_the_step() -> None:
    """End the wait of a step that Temporal has given up: its run is over, or another attempt waits in its place.

    Raises:
        CancelledError: it has.
    """
    if activity.in_activity() and activity.is_cancelled():
        raise CancelledError("it was given up while it waited for its turn at the model")


def _own_weights(config: ModelsConfig, address: str) -> dict[str, Path]:
    """Find the weights of the models that are the embedded one, served on this machine.

    Of other models nobody here can tell.
    """
    if (urlsplit(address).hostname or "") not in _LOOPBACK:
        return {}
    named = [name for name in ("local",) if name in config.models and config.models[name].route == _EMBEDDED_ROUTE]
    try:
        return {name: weights_path() for name in named}
    except ConfigurationError:
        return {}


def build_parts(
    settings: Settings,
    *,
    inference: Inference | None = None,
    database: Database | None = None,
    application: Callable[[str], Application] = load,
    clock: Callable[[], datetime] | None = None,
    admission: Callable[[Database], Admission] = Admission,
) -> Parts:
    """Build everything an activity needs; tests and the bench pass their own `inference` at the model seam."""
    likelihoods = Likelihoods(settings)
    opened, now = database or open_database(settings), clock or _now
    plugins = load_systems(settings, on_call=_unobserved, on_violation=_Violations(opened, settings.tenant))
    policies = PolicyFiles(settings.policy_dir, keep_seconds=settings.policy_keep_hours * 3600)

    def live(tenant: str, customer_id: str) -> LiveCustomer:
        return live_customer(opened, tenant, customer_id, now())

    book = address_book(settings)

    def identity() -> LogIdentity:
        return load_or_create_log_identity(settings.log_name, settings.log_key, settings.log_heads)

    context = WorkerResources(
        database=opened,
        admission=admission(opened),
        billing=plugins.billing,
        commerce=plugins.commerce,
        inference=inference or build_inference(settings),
        application=application,
        policies=policies,
        contact=ContactFiles(settings.policy_dir),
        addresses=book,
        tenants=frozenset(settings.tenants),
        clock=now,
        live_state=lambda tenant, customer_id: state_of(opened, tenant, customer_id, now()),
        live_customer=live,
        rollouts=RolloutSteps(opened, policies, now, timedelta(seconds=settings.rollout_look_seconds), book, identity),
        journeys=JourneySteps(opened, policies, live, now, timedelta(seconds=settings.journey_look_seconds)),
        likelihood=likelihoods,
        worker=f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}",
        effect_lease_seconds=settings.effect_lease_seconds,
        effect_attempts=settings.effect_attempts,
        effect_settle_seconds=settings.effect_settle_seconds,
        effect_sends=settings.effect_sends,
        mutation_timeout_seconds=mutation_timeout_seconds(settings),
    )
    return Parts(context=context, database=opened, plugins=plugins, policies=policies)


class _Violations:
    """Records every request the allowlist stopped, with the run it was made for."""

    def __init__(self, database: Database, tenant: str) -> None:
        self._database = database
        self._tenant = tenant

    def __call__(self, plugin: str, violation: PluginViolation) -> None:
        run_id = activity.info().workflow_id if activity.in_activity() else None
        try:
            with self._database.transaction() as tx:
                run = tx.runs.get(run_id) if run_id else None
                kind: RecordKind = "plugin.violation"
                actor, what, body = f"plugin:{plugin}", secrets.token_hex(12), {"detail": str(violation)}
                if run is None:
                    tx.record_act(self._tenant, kind, actor, _now(), what, body)
                else:
                    tx.record(run, kind, actor=actor, at=_now(), body=body, key=f"{kind}.{what}")
        except StorageError:
            return  # the request was stopped all the same; the step fails with the violation and is recorded so


def _unobserved(_plugin: str, _call: SourceCall) -> None:
    return None


def address_book(settings: Settings) -> AddressBook:
    """Load the address book; where it does not say where people find a run, that is this installation's console."""
    book = load_address_book(settings.notify_file)
    if book.console_url or not settings.console_url:
        return book
    return book.model_copy(update={"console_url": f"{settings.console_url}/console"})


def _now() -> datetime:
    return datetime.now(UTC)
