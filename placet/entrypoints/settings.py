"""Every setting, with its unit and default. With `environment`, the only reader of the environment.

Order: environment (`PLACET_*`), then what a running `placet up` wrote to `<home>/stack.json`, then the defaults.
"""

import json
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, SecretStr, StringConstraints, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from placet.contracts.base import CHURN_SOURCE, PersonName, TenantId, fault_of
from placet.contracts.text import NAME, shortened
from placet.entrypoints.environment import CHECKOUT
from placet.errors import ConfigurationError
from placet.files import SETUP_CODE_FILE, read_own
from placet.network.networks import LOOPBACK, Networks

_LOOPBACK = r"127\.0\.0\.1:[0-9]{1,5}"
STACK_ADDRESSES = {
    "temporal_address": _LOOPBACK,
    "temporal_ui": f"http://{_LOOPBACK}",
    "bss_url": f"http://{_LOOPBACK}",
    "model_url": f"http://{_LOOPBACK}/v1",
    "api_port": r"[1-9]\d{0,4}",
    "churn_sources": r"\{('[a-z0-9_.-]+': '(counts|[0-9a-f]{64})'(, )?)*\}",
}
"""The settings that a running stack may give, and how their values look: ports of this machine, and digests."""


ChurnSource = Annotated[str, StringConstraints(pattern=CHURN_SOURCE)]


class Settings(BaseSettings):
    """What an installation may configure. Unknown `PLACET_*` variables are refused by `load_settings`."""

    model_config = SettingsConfigDict(env_prefix="PLACET_", frozen=True, extra="forbid")

    home: Path = Field(default=Path(".placet"), description="folder for databases, keys and logs")
    tenant: TenantId = Field(default="demo", description="tenant a command acts for")
    tenants: tuple[TenantId, ...] = Field(default=("demo",), description="tenants this worker serves")
    operator: PersonName = Field(default="operator", description="who requests runs from this command line")

    database_url: str = Field(default="", description="SQLAlchemy URL; empty: SQLite in home")
    temporal_address: str = Field(default="127.0.0.1:7233", description="host and port of Temporal")
    temporal_namespace: str = Field(default="default", description="Temporal namespace")
    temporal_ui: str = Field(default="", description="address of the Temporal web UI, shown to people")
    payload_key_file: Path | None = Field(default=None, description="32-byte hex key; default: home/payload.key")

    bss_url: str = Field(default="http://127.0.0.1:8621", description="base URL of billing and commerce")
    billing_url: str = Field(default="", description="base URL of billing, where it differs from bss_url")
    commerce_url: str = Field(default="", description="base URL of commerce, where it differs from bss_url")
    bss_token: SecretStr | None = Field(
        default=None, description="bearer token for billing and commerce where they are one system"
    )
    billing_token: SecretStr | None = Field(default=None, description="bearer token for billing alone")
    commerce_token: SecretStr | None = Field(default=None, description="bearer token for commerce alone")
    ca_file: Path | None = Field(
        default=None, description="PEM file of your own certificate authorities, trusted instead of the public ones"
    )
    bss_timeout_seconds: float = Field(default=5.0, gt=0, le=30, description="client timeout of one BSS request")
    allowlist: Path = Field(
        default=CHECKOUT / "plugins" / "allowlist.toml", description="which plugins may reach what in those systems"
    )

    model_url: str = Field(default="http://127.0.0.1:8622/v1", description="OpenAI-compatible local model server")
    models_file: Path = Field(default=CHECKOUT / "agents" / "models.toml", description="models, and tasks in order")
    allow_hosted_models: bool = Field(default=False, description="may the record leave the perimeter, redacted?")

    propensity_dir: Path | None = Field(
        default=None, description="churn models, a folder in it for each tenant; default: home/propensity"
    )

    churn_sources: dict[TenantId, ChurnSource] = Field(
        default={},
        description="by tenant, where runs take the probability of leaving from: a model's digest, or `counts`",
    )

    perimeter_networks: str = Field(
        default=str(LOOPBACK),
        description="networks in which models inside, and Kafka, may be, comma-separated; default: this machine",
    )
    model_ca_file: Path | None = Field(
        default=None, description="your own certificate authority, for models inside (PEM); default: the public ones"
    )
    hosted_proxy: str = Field(
        default="", pattern=r"^(https?://\S+)?$", description="proxy to reach hosted models through; empty: none"
    )

    policy_dir: Path | None = Field(default=None, description="tenant policies (*.cedar); default: each agent's own")
    administrators_file: Path | None = Field(
        default=None,
        description="pinned keys of who may enroll others (`placet keys bootstrap`); default: home/administrators",
    )
    policy_keep_hours: float = Field(
        default=24.0,
        ge=0,
        le=168,
        description="how long a worker keeps the last good policies while the files in place are faulty; 0: not at all",
    )
    effect_lease_seconds: float = Field(
        default=20.0, ge=2, le=300, description="how long an attempt owns an effect; an unseen one is over after it"
    )
    effect_attempts: int = Field(default=5, ge=1, le=50, description="attempts before an outcome is held as unknown")
    effect_settle_seconds: float = Field(
        default=120.0, ge=0, le=3600, description="how long commerce may still book, or not show yet, what it was sent"
    )
    effect_sends: int = Field(
        default=2, ge=1, le=2, description="requests of one effect that may ever leave; 1: what is not shown is held"
    )

    log_name: str = Field(
        default="placet.internal",
        pattern=r"^[a-z0-9][a-z0-9.-]*(/[a-z0-9][a-z0-9.-]*)*$",
        description="name of this installation in its signed checkpoints; a domain of yours",
    )
    log_heads_dir: Path | None = Field(
        default=None, description="where the heads signed last are kept, outside the database; default: home/log"
    )
    log_key_file: Path | None = Field(
        default=None, description="key that signs checkpoints; default: home/keys/log.pem, made when first needed"
    )
    log_interval_seconds: float = Field(
        default=5.0, gt=0, le=3600, description="how often a worker brings the log up to the record and signs it"
    )

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="from which level on a process writes its log"
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto", description="form of a log: auto is text on a terminal and json everywhere else"
    )
    log_file_megabytes: float = Field(
        default=10.0, gt=0, le=1000, description="size at which a log file of `placet up` is put aside"
    )
    log_files: int = Field(default=5, ge=1, le=100, description="how many files of each log are kept, the newest")

    notify_file: Path | None = Field(
        default=None, description="address book: who is told by e-mail or webhook (TOML); none: the console alone"
    )
    notify_interval_seconds: float = Field(
        default=2.0, gt=0, le=3600, description="how often a worker looks for notifications to deliver"
    )
    notify_attempts: int = Field(
        default=12, ge=1, le=20, description="attempts before one has failed; 12 take eight and a half hours"
    )
    notify_timeout_seconds: float = Field(default=10.0, gt=0, le=60, description="time one delivery may take")
    smtp_host: str = Field(default="", description="mail server that takes our e-mail; empty: none is sent")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="its port")
    smtp_from: str = Field(default="", description="address our e-mail comes from")
    smtp_starttls: Literal["required", "yes", "no"] = Field(
        default="required", description="encrypt on the way to it: required, yes (where it offers to), no"
    )
    smtp_user: str = Field(default="", description="whom to log in as; empty: no login")
    smtp_password: SecretStr | None = Field(default=None, description="its password, sent encrypted only")

    listener_url: str = Field(
        default="",
        pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~-]+)*/?)?$",
        description="address at which the BSS reaches our API, to send events there (TMF688); empty: it is not asked",
    )
    listener_token: SecretStr | None = Field(
        default=None, description="what the BSS proves itself with there; opens nothing else; none: nobody can send"
    )
    hub_url: str = Field(default="", description="base URL of the system with the TMF688 hub, if not bss_url")
    hub_token: SecretStr | None = Field(
        default=None, description="bearer token for it; default: PLACET_BSS_TOKEN where it is the same system"
    )

    kafka_brokers: str = Field(
        default="", description="host:port of Kafka's brokers, comma-separated; empty: no events are read from Kafka"
    )
    kafka_topics: str = Field(
        default="", description="topics of events, comma-separated; TENANT:TOPIC where this worker serves several"
    )
    kafka_group: str = Field(
        default="placet", pattern=r"^[A-Za-z0-9._-]{1,200}$", description="consumer group; one for each installation"
    )
    kafka_tls: Literal["required", "no"] = Field(default="required", description="whether brokers are met with TLS")
    kafka_ca_file: Path | None = Field(
        default=None, description="certificate authorities of the brokers (PEM); default: the public ones"
    )
    kafka_certificate_file: Path | None = Field(default=None, description="our certificate there (PEM), if asked for")
    kafka_key_file: Path | None = Field(default=None, description="its private key (PEM)")
    kafka_sasl: Literal["", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="", description="how we log in there; empty: not at all"
    )
    kafka_login_file: Path | None = Field(
        default=None, description="file with the login: the user on its first line, the password on its second"
    )

    rollout_look_seconds: float = Field(
        default=86_400.0, gt=0, le=604_800, description="how often a rollout looks at its guard rails"
    )
    journey_look_seconds: float = Field(
        default=86_400.0, gt=0, le=604_800, description="how often a journey looks for what it waits for, untold"
    )
    reconcile_interval_seconds: float = Field(
        default=30.0, gt=0, le=3600, description="how often a worker looks for runs whose workflow Temporal ended"
    )
    reconcile_grace_seconds: float = Field(
        default=60.0, ge=0, le=86_400, description="how long such a run must not have moved before it is looked at"
    )

    retain_evidence_days: int | None = Field(
        default=None,
        ge=1,
        description="days after a run is over that prompts, answers and billing evidence are kept; none: for ever",
    )
    retain_proposals_days: int | None = Field(
        default=None, ge=1, description="the same of what was proposed, with the candidates it beat; none: for ever"
    )
    retain_events_days: int = Field(
        default=400, ge=101, description="days that events of customers are kept and taken; their aggregates stay"
    )
    retain_figures_days: int | None = Field(
        default=None, ge=31, description="days that key figures of closed days are kept; none: for ever"
    )
    retain_notices_days: int | None = Field(
        default=None,
        ge=1,
        description="days that notifications delivered or given up are kept; none: for ever",
    )

    worker_activities: int = Field(default=32, ge=1, le=500, description="activities one worker runs at a time")
    worker_cached_runs: int = Field(default=500, ge=1, description="workflows kept in worker memory")

    api_host: str = Field(default="127.0.0.1", description="address the HTTP API listens on")
    api_port: int = Field(default=8620, ge=0, le=65535, description="its port")
    api_token: SecretStr | None = Field(
        default=None, description="bearer token of the HTTP API; none: it will not start"
    )

    console_url: str = Field(
        default="",
        pattern=r"^(https?://[A-Za-z0-9.:\[\]-]+)?$",
        description="origin at which browsers reach the console through a proxy; empty: they reach the API's address",
    )

    oidc_issuer: str = Field(
        default="",
        pattern=r"^(https://\S+|http://(127\.0\.0\.1|localhost)(:\d+)?(/\S*)?)?$",
        description="identity provider by which people sign in at the console, as it names itself; empty: none",
    )
    oidc_client_id: str = Field(default="", description="this installation's name there")
    oidc_client_secret: SecretStr | None = Field(default=None, description="its secret there; none: a public client")
    oidc_ca_file: Path | None = Field(
        default=None, description="certificates that sign the provider's; default: those that are trusted anyway"
    )

    metrics_token: SecretStr | None = Field(
        default=None, description="bearer token that reads /metrics, of the API and of workers; none: there is none"
    )
    metrics_host: str = Field(default="127.0.0.1", description="address on which a worker serves /metrics")
    metrics_port: int = Field(default=0, ge=0, le=65535, description="its port; 0: it serves none")

    @field_validator("perimeter_networks")
    @classmethod
    def _networks(cls, given: str) -> str:
        try:
            return str(Networks.parse(given))
        except ConfigurationError as error:
            raise ValueError(str(error)) from error

    @property
    def perimeter(self) -> Networks:
        """The networks that are inside."""
        return Networks.parse(self.perimeter_networks)

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.home.resolve() / 'placet.db'}"

    @property
    def payload_key(self) -> Path:
        """The payload key file in force."""
        return self.payload_key_file or self.home / "payload.key"

    @property
    def setup_code(self) -> Path:
        """The file of the code that makes the first administrator in the browser, while one waits."""
        return self.home / SETUP_CODE_FILE

    @property
    def administrators(self) -> Path:
        """The file of pinned administrators in force."""
        return self.administrators_file or self.home / "administrators"

    @property
    def propensity_folder(self) -> Path:
        """The folder of churn models in force."""
        return self.propensity_dir or self.home / "propensity"

    @property
    def log_key(self) -> Path:
        """The log key file in force."""
        return self.log_key_file or self.home / "keys" / "log.pem"

    @property
    def log_heads(self) -> Path:
        """The folder in force for the heads that were signed last."""
        return self.log_heads_dir or self.home / "log"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - signature of the base
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment outrank what the running stack wrote down (passed as initial values)."""
        return env_settings, init_settings


def load_settings(**overrides: Any) -> Settings:
    """Read the settings; `overrides` outrank the stack file but not the environment.

    Raises:
        ConfigurationError: a variable is unknown or its value is wrong.
    """
    _refuse_unknown_variables()
    _refuse_empty_paths()
    home = Path(os.environ.get("PLACET_HOME") or str(overrides.get("home", ".placet")))
    try:
        return Settings(**{**running_stack(home), **overrides})
    except SettingsError as error:
        raise ConfigurationError(_unreadable(error)) from error
    except ValidationError as error:
        fault = fault_of(error)
        named, _, within = fault.where.partition(".")
        tenant = within if named == "churn_sources" and not within.endswith("[key]") else ""
        of = f", of {shortened(tenant, NAME)!r}" if tenant else ""
        raise ConfigurationError(f"PLACET_{named.upper()}={fault.shown}{of}: {fault.said}") from error


def _refuse_empty_paths() -> None:
    """Refuse a path of nothing: it would be the folder that one stands in, and another one tomorrow."""
    for name, field in Settings.model_fields.items():
        if Path not in (field.annotation, *get_args(field.annotation)):
            continue
        variable = f"PLACET_{name.upper()}"
        if not os.environ.get(variable, "unset").strip():
            what = "file" if name.endswith("_file") or name == "allowlist" else "folder"
            raise ConfigurationError(
                f"{variable} is empty, which would be this very folder; name a {what}, or unset it"
            )


def running_stack(home: Path) -> dict[str, Any]:
    """Return the addresses of the stack that runs in `home`, or nothing when its process is gone.

    The file decides where this process connects to, and by default it is looked for below the current folder. So it
    must belong to us, and it can name nothing but ports of this machine.

    Raises:
        ConfigurationError: another user could have written it, or it holds something else.
    """
    path = home / "stack.json"
    content = read_own(path)
    if content is None:
        return {}
    try:
        stack = json.loads(content)
        os.kill(int(stack.pop("pid")), 0)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError):
        return {}
    for name, value in stack.items():
        if name not in STACK_ADDRESSES or not re.fullmatch(STACK_ADDRESSES[name], str(value)):
            shown = shortened(str(value), NAME)
            raise ConfigurationError(
                f"{str(path)!r} sets {name}={shown!r}, which no running stack writes; remove the file"
            )
    return dict(stack)


def _unreadable(error: SettingsError) -> str:
    found = re.search(r'field "(\w+)"', str(error))
    name = f"PLACET_{found[1].upper()}" if found else "a setting"
    given = os.environ.get(name, "")
    like = """object, like '{"demo": "counts"}'""" if name == "PLACET_CHURN_SOURCES" else """list, like '["demo"]'"""
    return f"{name}={given!r}: it must be a JSON {like}; unset it, and `placet doctor --settings` explains it"


def _refuse_unknown_variables() -> None:
    known = {f"PLACET_{name.upper()}" for name in Settings.model_fields} | {"PLACET_KEY_PASSPHRASE", "PLACET_TMF_SPECS"}
    unknown = sorted(name for name in os.environ if name.startswith("PLACET_") and name not in known)
    if unknown:
        raise ConfigurationError(
            f"unknown setting {unknown[0]!r}; unset it, and `placet doctor --settings` lists those that there are"
        )
