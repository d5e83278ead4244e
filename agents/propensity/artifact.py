"""A model as one file: canonical JSON (RFC 8785), whose SHA-256 is the model's name. No code is in it, and no pickle.

Whoever holds the file can prove which model it is with `sha256sum`. Loading believes nothing: size, digest, form, the
spelling of every value, and each tree are checked before the native parser sees one.
"""

import json
from typing import Annotated, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from agents.propensity.calibration import Calibration
from agents.propensity.features import kind_of
from agents.propensity.model_text import LONGEST
from agents.propensity.profile import Profile, labels_of
from placet.contracts.base import Frozen, first_fault
from placet.contracts.propensity.card import ModelCard
from placet.contracts.propensity.mapping import Mapping
from placet.errors import ConfigurationError
from placet.governance.signing.canonical import canonical_bytes, sha256_hex

LARGEST: Final = 16 * 1024 * 1024
"""Of a file, in bytes."""


class Artifact(Frozen):
    """What the file holds.

    Attributes:
        trees: The model in LightGBM's text form.
        profiles: How the training table was distributed, for drift.
        scores: How the model's own scores of the table's customers were, for drift.
    """

    form: Literal["placet-propensity/1"] = "placet-propensity/1"
    mapping: Mapping
    trees: Annotated[str, Field(max_length=LONGEST)]
    calibration: Calibration
    profiles: Annotated[tuple[Profile, ...], Field(max_length=100)]
    scores: Profile
    card: ModelCard

    @model_validator(mode="after")
    def _profiles_are_those_of_the_mapping(self) -> Self:
        features = self.mapping.features
        if [profile.name for profile in self.profiles] != [feature.name for feature in features]:
            raise ValueError("its profiles are not of the features of its mapping, in their order")
        for feature, profile in zip(features, self.profiles, strict=True):
            number = kind_of(feature) == "number"
            if profile.of != ("number" if number else "words") or (not number and profile.labels != labels_of(feature)):
                raise ValueError(f"the profile of {feature.name} is of another feature than the mapping has")
        if self.scores.of != "score":
            raise ValueError("the profile of its scores is of something else")
        for profile in (*self.profiles, self.scores):
            if sum(profile.counts) != self.card.customers:
                raise ValueError(f"the profile of {profile.name} counts other customers than the card")
        return self

    @model_validator(mode="after")
    def _figures_of_the_card_agree(self) -> Self:
        card, quality = self.card, self.card.quality
        bands, folds = quality.bands, quality.auc_folds
        if card.left > card.customers:
            raise ValueError(f"its card says that {card.left} of {card.customers} customers left")
        if not min(folds) <= quality.auc <= max(folds):
            raise ValueError(
                f"its card says AUC {quality.auc}, which no mean of its parts' {min(folds)} to {max(folds)} is"
            )
        for band in bands:
            if band.left > band.customers or band.from_bp > band.to_bp:
                raise ValueError(f"a band of its card, from {band.from_bp} basis points on, contradicts itself")
        if (counted := sum(band.customers for band in bands)) != card.customers:
            raise ValueError(f"the bands of its card have {counted} customers, and the card has {card.customers}")
        if (counted := sum(band.left for band in bands)) != card.left:
            raise ValueError(f"in the bands of its card {counted} customers left, and on the card {card.left}")
        return self


def write(artifact: Artifact) -> tuple[str, bytes]:
    """Return the digest and the bytes of a model's file.

    Raises:
        ConfigurationError: it would be larger than any that is read.
    """
    content = canonical_bytes(artifact)
    if len(content) > LARGEST:
        raise ConfigurationError(
            f"the model would take {_mebibytes(len(content))}, more than {_mebibytes(LARGEST)}; map fewer columns"
        )
    return sha256_hex(content), content


def read(content: bytes, digest: str, name: str) -> Artifact:
    """Read a model's file, which must have this digest; `name` names it in errors.

    Raises:
        ConfigurationError: it has another digest, or is not what `write` writes.
    """
    if len(content) > LARGEST:
        raise ConfigurationError(f"{name} is larger than {_mebibytes(LARGEST)}; no model is")
    if not content:
        raise ConfigurationError(f"{name} is empty; train the model again, or put its file there")
    found = sha256_hex(content)
    if found != digest:
        raise ConfigurationError(
            f"{name} has digest {found[:16]}…, not {digest[:16]}…: it is another model, or was changed"
        )
    try:
        artifact = Artifact.model_validate(json.loads(content))
    except ValidationError as error:
        raise ConfigurationError(f"{name} is no model that this version knows: {first_fault(error)}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{name} is no model: it is not JSON") from error
    try:
        same = canonical_bytes(artifact) == content
    except ValueError:
        same = False
    if not same:
        raise ConfigurationError(f"{name} is no model that this version wrote: its JSON is not canonical")
    return artifact


def _mebibytes(size: int) -> str:
    return f"{-(-size // (1024 * 1024))} MiB"  # a file that is a little too large must not read as just large enough
