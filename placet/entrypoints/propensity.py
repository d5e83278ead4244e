"""Churn models of an installation: where they lie, which one is in use, and what the command line asks of them.

A model is `<folder>/<tenant>/<digest>.json`, and never changes. The file `current` beside it names the digest that a
command takes where none is given.
"""

import re
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from placet.entrypoints.environment import CHECKOUT
from placet.errors import ConfigurationError, UsageError
from placet.files import open_given, private_folder, read_given, read_own, write_file

if TYPE_CHECKING:
    from agents.propensity.model import ChurnModel
    from agents.propensity.table import Table
    from placet.contracts.propensity.card import ModelCard
    from placet.contracts.propensity.score import Brief, Drift, Score, Unread

_CURRENT: Final = "current"
_SAMPLE: Final = CHECKOUT / "agents" / "propensity" / "sample.toml"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class InstalledModels:
    """The models of a tenant; implements `Models` of the command line's toolbox."""

    def __init__(self, folder: Path, tenant: str) -> None:
        self._folder = folder / tenant

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

    def card(self, model: str | None) -> "tuple[str, ModelCard]":
        """Return a model's digest and card."""
        from agents.propensity.artifact import read

        digest, content, name = self._content(model)
        return digest, read(content, digest, name).card

    def score(self, model: str | None, table: Path | None, customer_id: str) -> "Score":
        """Score one customer of a table."""
        opened = self._open(model)
        return opened.score(_table_of(opened, table), customer_id)

    def score_all(self, model: str | None, table: Path | None) -> "tuple[str, list[Brief], list[Unread]]":
        """Score all customers of a table."""
        opened = self._open(model)
        scored, unread = opened.score_all(_table_of(opened, table))
        return opened.digest, scored, unread

    def drift(self, model: str | None, table: Path) -> "Drift":
        """Lay a table beside the one that the model learned from."""
        opened = self._open(model)
        return opened.drift(_table_of(opened, table))

    def _open(self, model: str | None) -> "ChurnModel":
        from agents.propensity.model import ChurnModel

        digest, content, name = self._content(model)
        return ChurnModel(content, digest, name)

    def _content(self, model: str | None) -> tuple[str, bytes, str]:
        """Return a model's digest, its file's bytes, and what errors call it."""
        from agents.propensity.artifact import LARGEST

        digest = self._current() if model is None else self._named(model)
        path = self._folder / f"{digest}.json"
        if not path.exists():
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

    def _named(self, model: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{8,64}", model):
            raise UsageError(f"--model {model!r} is no digest of a model, nor the first 8 characters of one or more")
        found = [path.stem for path in self._folder.glob(f"{model}*.json") if _DIGEST.fullmatch(path.stem)]
        if len(found) != 1:
            many = "several models begin" if found else "no model begins"
            raise UsageError(f"{many} with {model!r} in {str(self._folder)!r}")
        return found[0]


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
