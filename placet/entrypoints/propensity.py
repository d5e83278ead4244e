"""Churn models of an installation: where they lie, which one is in use, and what the command line asks of them.

A model is `<folder>/<tenant>/<digest>.json`, and never changes. The file `current` beside it names the digest that a
command takes where none is given.
"""

import contextlib
import hashlib
import os
import re
import stat
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from placet.contracts.propensity.held import (
    MOST_HELD,
    HeldCard,
    HeldModel,
    HeldModels,
    ShownModel,
    no_name_of_a_model,
    none_so_named,
)
from placet.contracts.text import one_line
from placet.entrypoints.environment import CHECKOUT
from placet.entrypoints.likelihoods import check_folder, in_words
from placet.entrypoints.settings import Settings
from placet.errors import ConfigurationError, PlacetError, UsageError
from placet.files import cause, open_given, private_folder, read_given, read_own, write_file

if TYPE_CHECKING:
    from agents.propensity.model import ChurnModel
    from agents.propensity.table import Table
    from placet.contracts.propensity.card import ModelCard
    from placet.contracts.propensity.score import Drift, Score, ScoredTable

_CURRENT: Final = "current"
_SAMPLE: Final = CHECKOUT / "agents" / "propensity" / "sample.toml"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class InstalledModels:
    """The models of a tenant; implements `Models` of the command line's toolbox, and `ChurnModels` of what is served.

    Of a model's file every question takes the SHA-256 anew. What was read of a file of that digest is kept.
    """

    def __init__(self, settings: Settings, tenant: str) -> None:
        self._folder = settings.propensity_folder / tenant
        self._in_use = settings.churn_sources.get(tenant)
        self.runs_use = in_words(settings, tenant)
        self._read: dict[str, ShownModel] = {}

    def held(self) -> HeldModels:
        """List the models that are held."""
        try:
            files = self._files()
        except ConfigurationError as error:
            return HeldModels(runs_use=self.runs_use, models=(), left_out=0, fault=self._without_place(error))
        trained_last, fault = self._trained_last({digest for _, digest in files})
        named = {self._in_use, trained_last}
        newest = sorted(files, key=lambda found: (found[1] in named, *found), reverse=True)
        # What runs are told to use stands in the list whether it is there or not.
        digests = [digest for _, digest in newest]
        missing = [self._in_use] if self._in_use and _DIGEST.fullmatch(self._in_use) else []
        digests = [*(one for one in missing if one not in digests), *digests]
        models = [self._listed(digest, trained_last) for digest in digests[:MOST_HELD]]
        # Those whose file is damaged have no day, and come last.
        models.sort(key=lambda one: (one.in_use, one.card.trained_on if one.card else "", one.model), reverse=True)
        return HeldModels(
            runs_use=self.runs_use, models=tuple(models), left_out=max(0, len(digests) - MOST_HELD), fault=fault
        )

    def train(self, table: Path | None, mapping: Path | None, on: date) -> "tuple[str, Path, ModelCard]":
        """Train a model and make it the current one."""
        from agents.propensity.artifact import read
        from agents.propensity.model import train_model
        from agents.propensity.table import open_table
        from placet.contracts.propensity.mapping import Mapping
        from placet.toml_files import parse_toml

        if (table is None) != (mapping is None):
            raise UsageError(
                "--table and --mapping belong together: a mapping file says what the table's columns mean "
                "(agents/propensity/sample.toml is one); leave both out for the bundled sample"
            )
        check_folder(self._folder)
        file = mapping or _SAMPLE
        meant = parse_toml(read_given(file, "the mapping"), Mapping, f"the mapping {str(file)!r}")
        digest, content = train_model(
            open_table(table, meant.separator) if table is not None else _sample(meant.separator), meant, on
        )
        # In the order of what is made, so that a command without rights leaves nothing behind.
        path = private_folder(self._folder) / f"{digest}.json"
        write_file(path, content)
        write_file(self._folder / _CURRENT, f"{digest}\n")
        return digest, path, read(content, digest, f"model {str(path)!r}").card

    def shown(self, model: str | None) -> ShownModel:
        """Return a model's card."""
        digest, content, name = self._content(model)
        return self._shown(content, digest, name)

    def score(self, model: str | None, table: Path | None, customer_id: str) -> "Score":
        """Score one customer of a table."""
        opened = self._open(model)
        return opened.score(_table_of(opened, table), customer_id)

    def score_all(self, model: str | None, table: Path | None) -> "ScoredTable":
        """Score all customers of a table."""
        from placet.contracts.propensity.score import ScoredTable

        opened = self._open(model)
        read = _table_of(opened, table)
        scored, unread = opened.score_all(read)
        return ScoredTable(
            model=opened.digest,
            data_digest=read.digest,
            simulated=read.digest == _sample(opened.separator).digest,
            scores=tuple(sorted(scored, key=lambda one: (-one.probability_bp, one.customer_id))),
            unread=tuple(unread),
        )

    def drift(self, model: str | None, table: Path) -> "Drift":
        """Lay a table beside the one that the model learned from."""
        opened = self._open(model)
        return opened.drift(_table_of(opened, table))

    def _open(self, model: str | None) -> "ChurnModel":
        from agents.propensity.model import ChurnModel

        digest, content, name = self._content(model)
        return ChurnModel(content, digest, name)

    def _files(self) -> list[tuple[float, str]]:
        """Return when each model's file was changed, and its digest.

        Raises:
            ConfigurationError: the folder is none, is a symbolic link, or cannot be read.
        """
        check_folder(self._folder)
        found = []
        try:
            paths = list(self._folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConfigurationError(
                f"the folder of churn models {str(self._folder)!r} cannot be read: {error.strerror}"
            ) from error
        for path in paths:
            if path.suffix == ".json" and _DIGEST.fullmatch(path.stem):
                with contextlib.suppress(FileNotFoundError):  # it went meanwhile
                    found.append((path.lstat().st_mtime, path.stem))
        return found

    def _listed(self, digest: str, trained_last: str | None) -> HeldModel:
        card, fault, for_runs = None, None, False
        try:
            shown = self._shown(_bytes_of(self._folder / f"{digest}.json"), digest, "its file")
            card, for_runs = _in_brief(shown.card), not shown.unread_by_runs
        except PlacetError as error:
            fault = one_line(str(error))
        return HeldModel(
            model=digest,
            in_use=digest == self._in_use,
            trained_last=digest == trained_last,
            for_runs=for_runs,
            card=card,
            fault=fault,
        )

    def _shown(self, content: bytes, digest: str, name: str) -> ShownModel:
        """Return the model of a file's bytes, which must have this digest."""
        from agents.propensity.artifact import read
        from agents.propensity.encoding import Layout
        from agents.propensity.model_text import check_text

        known = self._read.get(digest)
        if known is not None and hashlib.sha256(content).hexdigest() == digest:
            return known
        artifact = read(content, digest, name)
        layout = Layout(artifact.mapping)
        check_text(artifact.trees, layout.names, layout.signs)  # else a model that no worker takes would be in order
        shown = ShownModel(
            model=digest,
            in_use=digest == self._in_use,
            unread_by_runs=artifact.mapping.unread_by_runs,
            card=artifact.card,
        )
        if len(self._read) >= MOST_HELD:
            self._read.clear()
        self._read[digest] = shown
        return shown

    def _trained_last(self, held: set[str]) -> tuple[str | None, str | None]:
        """Return which model was trained last, and what is wrong where that cannot be said."""
        try:
            digest = self._current()
        except ConfigurationError as error:
            if error.code == "no_model":
                return None, None
            return None, one_line(f"which model was trained last cannot be told: {self._without_place(error)}")
        if digest in held:
            return digest, None
        return None, f"the model trained last, {digest[:16]}…, is not held here: train it again, or put its file there"

    def _without_place(self, error: ConfigurationError) -> str:
        """Return an error without where files lie: that is for those who read the command's own error."""
        current = repr(str(self._folder / _CURRENT))
        return one_line(str(error).replace(current, "the file `current`").replace(f" {str(self._folder)!r}", ""))

    def _content(self, model: str | None) -> tuple[str, bytes, str]:
        """Return a model's digest, its file's bytes, and what errors call it."""
        from agents.propensity.artifact import LARGEST

        check_folder(self._folder)
        digest = self._usual() if model is None else self._named(model)
        path = self._folder / f"{digest}.json"
        if not os.path.lexists(path):
            raise ConfigurationError(f"model {digest[:16]}… is not in {str(self._folder)!r}; train it, or put it there")
        with open_given(path, "the model", follow=False) as file:
            return digest, file.read(LARGEST + 1), f"model {str(path)!r}"

    def _current(self) -> str:
        content = read_own(self._folder / _CURRENT)
        if content is None:
            raise ConfigurationError(
                f"there is no churn model in {str(self._folder)!r}; `placet model train` makes one",
                code="no_model",
            )
        digest = content[:100].decode("ascii", "replace").strip()
        if not _DIGEST.fullmatch(digest):
            raise ConfigurationError(f"{str(self._folder / _CURRENT)!r} names no model; train one again")
        return digest

    def _usual(self) -> str:
        """Return the model that was trained last.

        Raises:
            ConfigurationError: nothing says which it is.
        """
        try:
            return self._current()
        except ConfigurationError as error:
            if not self._files():
                raise
            why = "no model was trained last here" if error.code == "no_model" else str(error)
            raise ConfigurationError(f"{why}; name one of those that are held with --model", code=error.code) from error

    def _named(self, model: str) -> str:
        """Return the digest that is named; where to look for others is for each to say who shows the error."""
        if fault := no_name_of_a_model(model):
            raise UsageError(fault, code="unknown_model")
        found = [digest for _, digest in self._files() if digest.startswith(model)]
        if len(found) != 1:
            raise UsageError(none_so_named(model, several=bool(found)), code="unknown_model")
        return found[0]


def _bytes_of(path: Path) -> bytes:
    """Return a model's file as the list reads it: its errors do not say where it lies.

    Raises:
        ConfigurationError: it is not there, is no ordinary file, or cannot be read.
    """
    from agents.propensity.artifact import LARGEST

    try:
        mode = path.lstat().st_mode
    except FileNotFoundError as error:
        raise ConfigurationError("it is not held here: train it, or put its file there") from error
    if stat.S_ISLNK(mode):
        raise ConfigurationError("its file is a symbolic link, which is not followed here; put the file itself there")
    if not stat.S_ISREG(mode):
        raise ConfigurationError("its file is not an ordinary file; put the model's file there")
    try:
        with open_given(path, "the model", follow=False) as file:
            return file.read(LARGEST + 1)
    except (ConfigurationError, OSError) as error:
        why = cause(error.__cause__) if isinstance(error.__cause__, OSError) else "it is no ordinary file"
        raise ConfigurationError(f"its file cannot be read: {why}") from error


def _in_brief(card: "ModelCard") -> HeldCard:
    return HeldCard(
        trained_on=card.trained_on,
        source=card.source,
        customers=card.customers,
        left=card.left,
        auc=card.quality.auc,
        calibration_error=card.quality.calibration_error,
    )


def _table_of(model: "ChurnModel", table: Path | None) -> "Table":
    """Open a table for a model; without one, the bundled sample, if the model learned from that."""
    from agents.propensity.table import open_table

    if table is not None:
        return open_table(table, model.separator)
    sample = _sample(model.separator)
    if sample.digest != model.card.data_digest:
        raise UsageError("this model learned from a table of yours: name one with --table")
    return sample


def _sample(separator: str) -> "Table":
    from agents.propensity.table import read_table

    content = resources.files("placet.sandbox").joinpath("data/telco_customers.csv").read_bytes()
    return read_table(content, "the bundled sample", separator)
