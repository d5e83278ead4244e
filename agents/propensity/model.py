"""A churn model at work: train one, read one, score customers, lay a table beside the one that it learned from."""

from datetime import date
from typing import Final

import numpy as np

from agents.propensity.artifact import Artifact, read, write
from agents.propensity.boosting import Trees
from agents.propensity.calibration import probabilities
from agents.propensity.card import write_card
from agents.propensity.encoding import (
    Encoded,
    Figures,
    Layout,
    check_rows,
    encode,
    groups_of,
    left_of,
    never_missing,
    row_of,
)
from agents.propensity.features import check_new
from agents.propensity.metrics import auc, band_of, basis_points, rounded
from agents.propensity.profile import FEWEST, compare, profile_of_scores, profiles_of
from agents.propensity.table import Table
from agents.propensity.training import in_order, train
from agents.propensity.wording import contribution, headline, reasons, seen
from placet.contracts.propensity.card import ModelCard
from placet.contracts.propensity.mapping import Mapping
from placet.contracts.propensity.score import Brief, Contribution, Drift, Score, Unread
from placet.errors import UsageError

_AT_ONCE: Final = 10_000


def train_model(table: Table, mapping: Mapping, on: date) -> tuple[str, bytes]:
    """Train a model; returns the digest and the bytes of its file.

    Raises:
        UsageError: the table lacks a column, has a row that cannot be read, is too small, or says nothing.
        ConfigurationError: the mapping is wrong.
    """
    check_new(mapping)
    layout = Layout(mapping)
    encoded = encode(table, layout)
    left, unknown = left_of(table, mapping)
    groups = groups_of(table, mapping)
    check_rows({**unknown, **encoded.faults}, table)
    order = in_order(encoded.ids)
    ids, figures, labels = [encoded.ids[row] for row in order], encoded.figures[order], left[order]
    trained = train(ids, figures, labels, layout)
    return write(
        Artifact(
            mapping=mapping,
            trees=trained.trees.text,
            calibration=trained.calibration,
            profiles=profiles_of(encoded, layout),
            # As the model itself scores these customers: a profile of what other models said of customers kept apart
            # would tell the same table as one that has moved.
            scores=profile_of_scores(probabilities(trained.calibration.log_odds(trained.trees.log_odds(figures)))),
            card=write_card(
                trained,
                layout,
                figures,
                labels,
                {name: [words[row] for row in order] for name, words in groups.items()},
                data_digest=table.digest,
                on=on,
            ),
        )
    )


class ChurnModel:
    """A model that was read from its file.

    Attributes:
        digest: Of the file.
    """

    def __init__(self, content: bytes, digest: str, name: str) -> None:
        """Read a model.

        Raises:
            ConfigurationError: the file is not the model of this digest.
        """
        self._artifact = read(content, digest, name)
        self.digest = digest
        self._layout = Layout(self._artifact.mapping)
        self._trees = Trees(self._artifact.trees, self._layout.names, self._layout.signs)

    @property
    def card(self) -> ModelCard:
        """What is known of it."""
        return self._artifact.card

    @property
    def mapping(self) -> Mapping:
        """What its columns mean, and where a run finds them."""
        return self._artifact.mapping

    @property
    def separator(self) -> str:
        """What stands between the cells of a table that it reads."""
        return self._artifact.mapping.separator

    def score(self, table: Table, customer_id: str) -> Score:
        """Score one customer of a table.

        Raises:
            UsageError: the table lacks a column or the customer, or their row cannot be read.
        """
        encoded = self._encode(table)
        row = row_of(encoded, customer_id, table.name)
        base, log_odds, values = self._explained(encoded.figures[row : row + 1])
        contributions = self._contributions(encoded, row, values[0])
        probability = float(probabilities(log_odds)[0])
        alike = band_of(self.card.quality.bands, basis_points(probability))
        return Score(
            customer_id=customer_id,
            probability_bp=basis_points(probability),
            base_log_odds=base,
            log_odds=float(log_odds[0]),
            contributions=contributions,
            sentences=(
                headline(probability, self.card.left / self.card.customers),
                *reasons(contributions),
                seen(alike),
            ),
            alike=alike,
            model=self.digest,
        )

    def score_all(self, table: Table) -> tuple[list[Brief], list[Unread]]:
        """Score every customer of a table; rows that cannot be read come back with the reason.

        Raises:
            UsageError: the table lacks a column.
        """
        encoded = self._encode(table)
        rows = [row for row in range(len(encoded.ids)) if row not in encoded.faults]
        scored: list[Brief] = []
        for begin in range(0, len(rows), _AT_ONCE):
            part = rows[begin : begin + _AT_ONCE]
            _, log_odds, values = self._explained(encoded.figures[part])
            for row, probability, moved in zip(part, probabilities(log_odds), values, strict=True):
                told = self._contributions(encoded, row, moved)
                scored.append(
                    Brief(
                        customer_id=encoded.ids[row],
                        probability_bp=basis_points(float(probability)),
                        raises=next((one.words for one in told if one.log_odds > 0), ""),
                        lowers=next((one.words for one in told if one.log_odds < 0), ""),
                    )
                )
        return scored, _unread(encoded, table)

    def drift(self, table: Table) -> Drift:
        """Lay a table beside the one that the model learned from.

        Raises:
            UsageError: the table lacks a column, or has no row that can be read.
        """
        encoded = self._encode(table)
        keep = [row for row in range(len(encoded.ids)) if row not in encoded.faults]
        if not keep:
            row = min(encoded.faults)
            raise UsageError(
                f"{table.name} has no row that can be read; line {table.lines[row]}: {encoded.faults[row]}"
            )
        predicted = probabilities(self._log_odds(encoded.figures[keep]))
        observed, area = self._outcome(table, keep, predicted)
        features = [
            compare(profile, [encoded.values[profile.name][row] for row in keep]) for profile in self._artifact.profiles
        ]
        return Drift(
            model=self.digest,
            data_digest=table.digest,
            learned_from=table.digest == self.card.data_digest,
            customers=len(keep),
            fewest=FEWEST,
            unread=len(encoded.faults),
            first_unread=next(iter(_unread(encoded, table)), None),
            score=compare(self._artifact.scores, predicted),
            features=tuple(sorted(features, key=lambda one: (-one.psi, one.name))),
            auc=area,
            observed=observed,
            predicted=rounded(float(predicted.mean())),
        )

    def _encode(self, table: Table) -> Encoded:
        """Read a table, with the faults that it has for this model."""
        encoded = encode(table, self._layout)
        pairs = zip(self.mapping.features, self._artifact.profiles, strict=True)
        never_missing(encoded, [one.name for one, then in pairs if one.may_be_missing and not then.counts[-1]])
        return encoded

    def _outcome(self, table: Table, keep: list[int], predicted: Figures) -> tuple[float | None, float | None]:
        """Return the share that left and the AUC, where the table says of every row who left."""
        mapping = self._artifact.mapping
        if mapping.left.column not in table.frame.columns:
            return None, None
        left, unknown = left_of(table, mapping)
        if any(row in unknown for row in keep):
            return None, None
        area = auc(left[keep], predicted)
        return rounded(float(left[keep].mean())), None if area is None else rounded(area)

    def _log_odds(self, figures: Figures) -> Figures:
        return self._artifact.calibration.log_odds(self._trees.log_odds(figures))

    def _explained(self, figures: Figures) -> tuple[float, Figures, Figures]:
        """Return base, log-odds and the contributions by feature, all calibrated: they add up."""
        line = self._artifact.calibration
        raw_base, raw = self._trees.contributions(figures)
        base = line.slope * raw_base + line.offset
        values = self._layout.by_feature(raw) * line.slope
        return base, np.asarray(base + values.sum(axis=1)), values

    def _contributions(self, encoded: Encoded, row: int, values: Figures) -> tuple[Contribution, ...]:
        features = self._layout.mapping.features
        told = [
            contribution(feature, encoded.values[feature.name][row], float(value))
            for feature, value in zip(features, values, strict=True)
        ]
        return tuple(sorted(told, key=lambda one: (-abs(one.log_odds), one.feature)))


def _unread(encoded: Encoded, table: Table) -> list[Unread]:
    return [
        Unread(row=table.lines[row], customer_id=encoded.ids[row], why=why)
        for row, why in sorted(encoded.faults.items())
    ]
