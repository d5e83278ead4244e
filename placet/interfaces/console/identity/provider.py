"""An identity provider, as a relying party sees it: where people sign in there, and who it says that they are.

What is relied on: the provider's own answers over TLS, and an ID token that one of its published keys signed for this
client and this sign-in. Nothing else of what it says is used, no name and no role: what a person may do is what an
administrator of ours signed for `sub`.

Sources: OpenID Connect Discovery 1.0; OpenID Connect Core 1.0, section 3.1; OpenID
Connect RP-Initiated Logout 1.0; RFC 6749; PKCE, RFC 7636; RFC 9700.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import httpx
from authlib.common.security import generate_token
from authlib.common.urls import add_params_to_uri
from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import AnyHttpUrl, BaseModel, SecretStr, TypeAdapter, ValidationError

from placet.contracts.base import first_fault
from placet.contracts.text import WORDS, counted, one_line
from placet.errors import PlacetError

ALGORITHMS: Final = (
    *(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)),
    "EdDSA",
    "Ed25519",
)
"""Signatures by published keys alone: never `none`, and no shared secret."""

SCOPE: Final = "openid"
_REMEMBERED_SECONDS: Final = 600.0
_FAILED_SECONDS: Final = 10.0
"""How long a provider that did not answer is not asked again: each try may take the seconds of its time limit."""

_KEYS_AGAIN_SECONDS: Final = 30.0
"""How soon the keys are asked for again where a token names one that is not among them."""

_CLOCK_SKEW_SECONDS: Final = 60
_SUBJECT: Final = re.compile(r"[\x20-\x7e]{1,255}")
"""OpenID Connect Core 1.0, section 2: at most 255 characters of ASCII."""
_SECRET_LENGTH: Final = 64
_LONGEST_ADDRESS: Final = 2_000

_ANSWER: Final[TypeAdapter[dict[str, Any]]] = TypeAdapter(dict[str, Any])


class IdentityProviderError(PlacetError):
    """The provider does not answer, or answers what counts for nothing. Its message names no secret."""


class Client(NamedTuple):
    """This installation, as the provider knows it; without a secret it is a public client, which PKCE protects."""

    client_id: str
    secret: SecretStr | None
    redirect_uri: str


class Begun(NamedTuple):
    """One sign-in that was begun: what the provider's answer must fit.

    Attributes:
        state: What comes back with the code, so that nobody plants a code of their own.
        nonce: What the ID token must bear, so that no other sign-in's token is taken.
        verifier: PKCE's secret: a code that somebody else caught is of no use to them.
    """

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> "Begun":
        """Make one from the system's random numbers."""
        return cls(*(generate_token(_SECRET_LENGTH) for _ in range(3)))


class _Metadata(BaseModel):
    """What discovery says, as far as it is used."""

    issuer: str
    authorization_endpoint: AnyHttpUrl
    token_endpoint: AnyHttpUrl
    jwks_uri: AnyHttpUrl
    end_session_endpoint: Any = None
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Known(NamedTuple):
    metadata: _Metadata
    keys: KeySet
    at: float


class Provider:
    """One identity provider. Threads may share it.

    Args:
        issuer: The provider, exactly as it names itself.
        client: This installation.
        http: The client for requests to it; it follows no redirect and is bounded in time and size.
        clock: Monotonic time in seconds.
        now: The time, in seconds since 1970.
    """

    def __init__(
        self,
        issuer: str,
        client: Client,
        http: httpx.Client,  # noqa: TID251 - one of placet.network.client
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.issuer, self._client, self._http, self._clock, self._now = issuer, client, http, clock, now
        self._asking = threading.Lock()
        self._known: _Known | None = None
        self._failed: tuple[str, float] | None = None

    @property
    def host(self) -> str:
        """The provider's name, for people."""
        return urlsplit(self.issuer).hostname or self.issuer

    def address(self, begun: Begun) -> str:
        """Return where the browser is sent to sign in.

        Raises:
            IdentityProviderError: the provider does not answer.
        """
        return str(
            prepare_grant_uri(
                str(self._look().metadata.authorization_endpoint),
                client_id=self._client.client_id,
                response_type="code",
                redirect_uri=self._client.redirect_uri,
                scope=SCOPE,
                state=begun.state,
                nonce=begun.nonce,
                code_challenge=create_s256_code_challenge(begun.verifier),  # type: ignore[no-untyped-call]
                code_challenge_method="S256",
            )
        )

    def leaving_address(self, back: str) -> str | None:
        """Return where somebody signs out at the provider; None where it names no such place on its own host.

        No ID token is kept to be sent along (`id_token_hint`): the provider asks the person whether they mean it.

        Args:
            back: Where the provider may lead afterwards.

        Raises:
            IdentityProviderError: the provider does not answer.
        """
        named = self._look().metadata.end_session_endpoint
        if not isinstance(named, str) or len(named) > _LONGEST_ADDRESS or any(not "!" <= one <= "~" for one in named):
            return None
        try:
            place, own = urlsplit(named), urlsplit(self.issuer)
            is_own = (place.scheme, place.hostname, place.port) == (own.scheme, own.hostname, own.port)
        except ValueError:
            return None
        if not is_own or place.username is not None or place.fragment:
            return None
        asked = {"client_id": self._client.client_id, "post_logout_redirect_uri": back}
        return str(add_params_to_uri(named, list(asked.items())))

    def subject(self, code: str, begun: Begun) -> str:
        """Return whom the provider says that the sign-in was by: its `sub`.

        Raises:
            IdentityProviderError: the code or the ID token does not count, or the provider does not answer.
        """
        answer = self._exchange(code, begun)
        return self._verified(str(answer.get("id_token", "")), begun, str(answer.get("access_token", "")))

    def _exchange(self, code: str, begun: Begun) -> dict[str, Any]:
        metadata = self._look().metadata
        client = self._client
        endpoint = str(metadata.token_endpoint)
        body = prepare_token_request(
            "authorization_code", code=code, redirect_uri=client.redirect_uri, code_verifier=begun.verifier
        )
        secret = None if client.secret is None else client.secret.get_secret_value()
        method = "none" if secret is None else _method(metadata.token_endpoint_auth_methods_supported)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        auth = ClientAuth(client.client_id, secret, method)
        uri, headers, body = auth.prepare("POST", endpoint, headers, body)  # type: ignore[no-untyped-call]
        response = self._ask("POST", uri, headers=headers, content=body)
        answer = self._json(response, endpoint)
        if response.status_code != httpx.codes.OK:
            said = one_line(f"{answer.get('error', '')} {answer.get('error_description', '')}".strip(), WORDS)
            raise IdentityProviderError(f"{self.host} does not take the code (HTTP {response.status_code}): {said}")
        return answer

    def _verified(self, id_token: str, begun: Begun, access_token: str) -> str:
        try:
            token = self._decoded(id_token)
            claims = CodeIDToken(
                token.claims,
                token.header,
                options={
                    "iss": {"essential": True, "value": self.issuer},
                    "aud": {"essential": True, "value": self._client.client_id},
                },
                params={"nonce": begun.nonce, "client_id": self._client.client_id, "access_token": access_token},
            )
            claims.validate(now=int(self._now()), leeway=_CLOCK_SKEW_SECONDS)
        except (JoseError, ValueError, TypeError, RecursionError) as error:
            why = one_line(str(error) or type(error).__name__, WORDS)
            raise IdentityProviderError(f"the ID token of {self.host} does not count: {why}") from error
        subject, audience = claims["sub"], claims["aud"]
        for_others = isinstance(audience, list) and len(audience) > 1 and "azp" not in claims
        if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject) or for_others:
            raise IdentityProviderError(f"the ID token of {self.host} does not say whom it is about, or for whom it is")
        return subject

    def _decoded(self, id_token: str) -> jwt.Token:
        try:
            return jwt.decode(id_token, self._look().keys, algorithms=list(ALGORITHMS))
        except (JoseError, ValueError, RecursionError):
            # It may be signed with a key that is newer than what is remembered.
            return jwt.decode(id_token, self._look(_KEYS_AGAIN_SECONDS).keys, algorithms=list(ALGORITHMS))

    def _look(self, young: float = _REMEMBERED_SECONDS) -> _Known:
        """Return what the provider says of itself, not older than `young` seconds; one asks, the others wait."""
        with self._asking:
            known, now = self._known, self._clock()
            if known is not None and now - known.at <= young:
                return known
            if self._failed is not None and now - self._failed[1] < _FAILED_SECONDS:
                raise IdentityProviderError(self._failed[0])
            try:
                known = self._known = self._asked(now)
            except IdentityProviderError as error:
                self._failed = (str(error), self._clock())
                raise
            self._failed = None
            return known

    def examine(self) -> Iterator[str]:
        """Ask the provider anew, and say step by step what holds of it.

        Raises:
            IdentityProviderError: what does not.
        """
        where = self._discovery
        metadata = self._discovered()
        yield f"{where} answers"
        self._check(metadata)
        yield f"it names itself {self.issuer}, as PLACET_OIDC_ISSUER does"
        keys = self._published(metadata)
        yield f"it publishes {counted(len(keys.keys), 'key')} at {metadata.jwks_uri}"

    def _asked(self, now: float) -> _Known:
        metadata = self._discovered()
        self._check(metadata)
        return _Known(metadata, self._published(metadata), now)

    @property
    def _discovery(self) -> str:
        return f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"

    def _discovered(self) -> _Metadata:
        answer = self._json(self._ask("GET", self._discovery), self._discovery)
        try:
            return _Metadata.model_validate(answer)
        except ValidationError as error:
            raise IdentityProviderError(f"what {self.host} says of itself is wrong: {first_fault(error)}") from error

    def _check(self, metadata: _Metadata) -> None:
        if metadata.issuer != self.issuer:
            raise IdentityProviderError(
                f"{self.issuer} names itself {one_line(metadata.issuer, WORDS)!r}; set PLACET_OIDC_ISSUER to that"
            )
        endpoints = (metadata.authorization_endpoint, metadata.token_endpoint, metadata.jwks_uri)
        if self.issuer.startswith("https://") and not all(one.scheme == "https" for one in endpoints):
            raise IdentityProviderError(f"{self.host} names an address of its own that is not https")

    def _published(self, metadata: _Metadata) -> KeySet:
        address = str(metadata.jwks_uri)
        try:
            keys = KeySet.import_key_set(self._json(self._ask("GET", address), address))  # type: ignore[arg-type]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise IdentityProviderError(f"the keys of {self.host} cannot be read") from error
        if not any(key.key_type != "oct" and key.get("use", "sig") == "sig" for key in keys.keys):
            raise IdentityProviderError(f"{self.host} publishes no key that could have signed an ID token")
        return keys

    def _ask(self, method: str, address: str, **given: Any) -> httpx.Response:
        try:
            return self._http.request(method, address, **given)
        except httpx.HTTPError as error:
            why = one_line(str(error) or type(error).__name__, WORDS)
            raise IdentityProviderError(f"{self.host} does not answer: {why}") from error

    def _json(self, response: httpx.Response, address: str) -> dict[str, Any]:
        try:
            return _ANSWER.validate_json(response.content)
        except ValidationError as error:
            raise IdentityProviderError(
                f"{one_line(address, WORDS)} answers HTTP {response.status_code} and no JSON object"
            ) from error


def _method(supported: tuple[str, ...]) -> str:
    return "client_secret_basic" if "client_secret_basic" in supported else "client_secret_post"
