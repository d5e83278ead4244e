"""Content-addressed artifacts: what is too large or too private for workflow history."""

from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from sqlalchemy import bindparam, select

from placet.contracts.base import Digest
from placet.errors import GovernanceError, UsageError
from placet.governance.signing.canonical import canonical_bytes, sha256_hex
from placet.storage.retention.erasures import Erasures
from placet.storage.sql.driver import Connection
from placet.storage.sql.inserts import insert_if_absent
from placet.storage.tables import ARTIFACT

JSON = "application/json"

_Model = TypeVar("_Model", bound=BaseModel)

_DATA = select(ARTIFACT.c.data).where(ARTIFACT.c.digest == bindparam("digest")).limit(1)
_OF_TENANT = _DATA.where(ARTIFACT.c.tenant == bindparam("tenant"))
_HELD = (
    select(ARTIFACT.c.digest)
    .where(ARTIFACT.c.tenant == bindparam("tenant"), ARTIFACT.c.digest == bindparam("digest"))
    .with_for_update(read=True, key_share=True)
)
_BROKEN = "artifact_broken"
ERASED: Final = "artifact_erased"
"""Code of the error that retention erased what is asked for."""


class ArtifactStore:
    """Bytes under their SHA-256, a copy per tenant so that each can erase its own. UPDATE is refused."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, tenant: str, media_type: str, data: bytes) -> Digest:
        """Keep `data` for `tenant` and return its address; the same bytes again change nothing.

        Bytes that are there already are held until the transaction ends: retention may be about to erase them, and
        cannot see yet that this transaction's entry names them.
        """
        address = sha256_hex(data)
        values: dict[str, object] = {
            "digest": address,
            "tenant": tenant,
            "media_type": media_type,
            "data": data,
        }
        while not insert_if_absent(self._connection, ARTIFACT, values):
            if self.hold(tenant, address):
                break
        return address

    def hold(self, tenant: str, digest: Digest) -> bool:
        """Keep retention from erasing an artifact before the transaction ends; return whether it is there.

        It waits for an erasure under way. On SQLite there is one writer, who need not lock.
        """
        return self._connection.scalar(_HELD, {"tenant": tenant, "digest": digest}) is not None

    def put_model(self, tenant: str, model: BaseModel) -> Digest:
        """Keep the RFC 8785 form of `model`, so that its address is its governance digest.

        Raises:
            ValueError: `model` holds what JSON cannot carry exactly.
        """
        return self.put(tenant, JSON, canonical_bytes(model))

    def get(self, digest: str, *, tenant: str | None = None) -> bytes:
        """Return the bytes at `digest`, checked against it; with `tenant`, only that tenant's copy counts.

        Raises:
            UsageError: code `artifact_erased`, under which entry the record says; or `unknown_artifact`, never stored,
                or erased by hand.
            GovernanceError: code `artifact_broken`; the stored bytes are not those that were put.
        """
        query, values = _DATA, {"digest": digest}
        if tenant is not None:
            query, values = _OF_TENANT, {"digest": digest, "tenant": tenant}
        data: bytes | str | None = self._connection.scalar(query, values)
        if data is None:
            raise self._missing(digest, tenant)
        if isinstance(data, str):
            # SQLite keeps text in a column of bytes if somebody writes it there.
            raise GovernanceError(f"artifact {digest!r} was altered: it is text now", code=_BROKEN)
        if (found := sha256_hex(data)) != digest:
            raise GovernanceError(f"artifact {digest!r} was altered: its bytes hash to {found!r}", code=_BROKEN)
        return data

    def get_model(self, digest: str, type_: type[_Model], *, tenant: str | None = None) -> _Model:
        """Return the model stored at `digest`.

        Raises:
            UsageError: code `artifact_erased` or `unknown_artifact`, as for `get`.
            GovernanceError: code `artifact_broken`; altered, or not a `type_`.
        """
        content = self.get(digest, tenant=tenant)
        try:
            return type_.model_validate_json(content)
        except ValidationError as error:
            raise GovernanceError(
                f"artifact {digest!r} is not a valid {type_.__name__}: {error.error_count()} faults",
                code=_BROKEN,
            ) from error

    def _missing(self, digest: str, tenant: str | None) -> UsageError:
        erased = {} if tenant is None else Erasures(self._connection).of(tenant, [digest])
        if digest in erased:
            return UsageError(f"artifact {digest!r} was {erased[digest]}", code=ERASED)
        return UsageError(f"artifact {digest!r} is not in the store: never put, or erased", code="unknown_artifact")
