"""What every document that a person signs has in common, beside the decision on one proposal."""

from typing import Annotated

from pydantic import AwareDatetime, Field

from placet.contracts.base import Frozen, PersonName, TenantId

Nonce = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
"""128 random bits in lower-case hexadecimal: what is signed once is used once."""

# NUL is text that PostgreSQL cannot store.
Remark = Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")]


class SignedDocument(Frozen):
    """Predicate of an in-toto statement whose subject is the digest of the document itself.

    Attributes:
        signer: The named person whose key signs.
        document_id: A random nonce, the document's identity.
    """

    tenant: TenantId
    signer: PersonName
    signed_at: AwareDatetime
    document_id: Nonce
    reason: Remark = ""
