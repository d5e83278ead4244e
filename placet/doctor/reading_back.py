"""Whether an effect whose answer was lost could be found again: the newest one that was confirmed is looked for.

Only reads are sent: one listing for each kind of effect.
"""

from collections.abc import Iterator
from typing import Final

from placet.contracts.mutation import KINDS, MutationKind
from placet.doctor.report import Finding
from placet.entrypoints.settings import Settings
from placet.entrypoints.systems import load_systems
from placet.errors import PluginError, StorageError
from placet.gate.sending.read_back import KnownEffect, newest_known
from placet.plugin_api.manifest import ConnectorLimits
from placet.plugin_api.protocols import MutatePlugin
from placet.storage.database import Database

ANSWER_SECONDS: Final = 2.0


def read_back(settings: Settings) -> Iterator[Finding]:
    """Ask commerce for the newest confirmed effect of each kind, by its key."""
    known = dict(_known(settings))
    for kind in (kind for kind in KINDS if kind not in known):
        said = f"{KINDS[kind].PLURAL}: cannot tell whether commerce shows our keys, none was confirmed here yet"
        yield Finding(
            "info", "read-back", said, "until one is, what is not found after a lost answer waits for a person"
        )
    if not known:
        return
    limits = ConnectorLimits(connect_seconds=ANSWER_SECONDS, read_seconds=ANSWER_SECONDS, total_seconds=ANSWER_SECONDS)
    with load_systems(settings, on_call=_ignore, on_violation=_ignore, limits=limits) as plugins:
        for kind, effect in known.items():
            yield _looked_for(plugins.commerce, kind, effect)


def _known(settings: Settings) -> Iterator[tuple[MutationKind, KnownEffect]]:
    if not settings.database_url and not (settings.home.resolve() / "placet.db").exists():
        return
    with Database(settings.database, pool_size=1, lock_timeout_s=1.5, statement_timeout_s=ANSWER_SECONDS) as opened:
        try:
            opened.check()
        except StorageError:
            return  # the probe of the database says so
        with opened.reading() as tx:
            for kind in KINDS:
                found = newest_known(tx, settings.tenant, kind)
                if found is not None:
                    yield kind, found


def _looked_for(commerce: MutatePlugin, kind: MutationKind, effect: KnownEffect) -> Finding:
    what = f"{KINDS[kind].PLURAL}: the effect of {effect.run_id}"
    try:
        seen = effect.look(commerce, ANSWER_SECONDS)
    except PluginError as error:
        return Finding("info", "read-back", f"{what} could not be looked for: {error}")
    if seen.certainty == "certain":
        return Finding("ok", "read-back", f"{what} is shown with its key")
    kept = KINDS[kind].KEY_FIELD
    advice = f"let commerce keep and show `{kept}`; until then what has no certain answer waits for a person"
    return Finding("problem", "read-back", f"{what} is not shown with its key: {seen.detail}", advice)


def _ignore(*_: object) -> None:
    return None
