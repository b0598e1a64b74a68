"""An identity provider that signs people in by OpenID Connect: authorization code with PKCE, and the ID token checked.

Where its addresses and keys are is read from the provider (OpenID Connect Discovery 1.0) and kept for an hour. A certificate authority of
the company's own is trusted where REQUESTS_CA_BUNDLE names it. What the claims are worth is said elsewhere (domain.access.claims).
"""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import requests
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from requests.adapters import HTTPAdapter

from salesinsight_assets.domain.access.sign_in_attempt import SignInAttempt
from salesinsight_assets.settings import OidcSettings

SCOPE = "openid email profile"
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""With a key that only the provider has: neither `none` nor a key that both sides know."""
_KEY_TYPES = ("RSA", "EC", "OKP")
_KEPT, _ASKED_AGAIN_AFTER = timedelta(hours=1), timedelta(minutes=1)
_LEEWAY_SECONDS = 60
_FROM_USERINFO = ("email", "email_verified", "xms_edov", "name")


class OidcError(Exception):
    """The provider signed nobody in, or what it said cannot be trusted; the message is for the log."""


class OidcUnreachableError(OidcError):
    """The provider does not answer as one."""


class OidcProvider:
    """One provider, asked as one of its applications; `back` is the address of ours that it leads browsers back to."""

    def __init__(self, settings: OidcSettings, back: str) -> None:
        self._settings, self._back = settings, back
        self._lock = threading.Lock()
        self._metadata: Mapping[str, Any] = {}
        self._keys = KeySet([])
        self._read_at: datetime | None = None

    def address(self, attempt: SignInAttempt, at: datetime) -> str:
        """Where the browser goes to sign in.

        Raises:
            OidcUnreachableError: the provider does not say where that is.
        """
        endpoint = self._known(at)["authorization_endpoint"]
        with self._session() as session:
            address, _ = session.create_authorization_url(
                endpoint, state=attempt.state, code_verifier=attempt.verifier, nonce=attempt.nonce
            )
        return str(address)

    def claims(self, code: str, attempt: SignInAttempt, at: datetime) -> Mapping[str, Any]:
        """What the provider says of the person who came back with a code.

        Raises:
            OidcError: the code is refused, or the ID token is not for this sign-in.
        """
        known = self._known(at)
        with self._session() as session:
            token = _asked(
                lambda: session.fetch_token(
                    known["token_endpoint"],
                    grant_type="authorization_code",
                    code=code,
                    code_verifier=attempt.verifier,
                )
            )
            claims = self._checked(token.get("id_token"), attempt, at)
            if "email" in claims or "userinfo_endpoint" not in known:
                return claims
            more = _json(_asked(lambda: session.get(known["userinfo_endpoint"])))
        if more.get("sub") != claims["sub"]:  # OpenID Connect Core 1.0, 5.3.2
            raise OidcError("the provider's userinfo is of another person than its ID token")
        return {**claims, **{name: more[name] for name in _FROM_USERINFO if name in more}}

    def _checked(self, id_token: object, attempt: SignInAttempt, at: datetime) -> Mapping[str, Any]:
        """The claims of an ID token that is signed by the provider, for us, for this sign-in and of now (Core 1.0, 3.1.3.7)."""
        if not isinstance(id_token, str):
            raise OidcError("the provider gave no ID token; its application needs the scope `openid`")
        rules = jwt.JWTClaimsRegistry(
            now=int(at.timestamp()),
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": self._settings.issuer},
            aud={"essential": True, "value": self._settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": attempt.nonce},
        )
        try:
            claims = self._decoded(id_token, at)
            rules.validate(claims)
        except (JoseError, ValueError) as error:
            raise OidcError(f"the ID token is refused: {error}") from error
        if claims.get("azp", self._settings.client_id) != self._settings.client_id:
            raise OidcError("the ID token was issued to another application")
        return claims

    def _decoded(self, id_token: str, at: datetime) -> dict[str, Any]:
        """By the keys that are known, else by those that the provider has by now."""
        try:
            return jwt.decode(id_token, self._keys, algorithms=_ALGORITHMS).claims
        except InvalidKeyIdError:
            self._read_again(at)
            return jwt.decode(id_token, self._keys, algorithms=_ALGORITHMS).claims

    def _known(self, at: datetime) -> Mapping[str, Any]:
        """What the provider says of itself."""
        with self._lock:
            if self._read_at is None or at - self._read_at > _KEPT:
                self._read(at)
            return self._metadata

    def _read_again(self, at: datetime) -> None:
        with self._lock:
            if self._read_at is None or at - self._read_at > _ASKED_AGAIN_AFTER:
                self._read(at)

    def _read(self, at: datetime) -> None:
        issuer = self._settings.issuer
        with self._session() as session:
            address = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            found = _json(_asked(lambda: session.get(address, withhold_token=True)))
            if found.get("issuer") != issuer:  # Discovery 1.0, 4.3
                raise OidcUnreachableError(
                    f"expected the issuer {issuer}, got {found.get('issuer')!r}; set it as OIDC_ISSUER"
                )
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                if urlsplit(str(found.get(name))).scheme != "https":
                    raise OidcUnreachableError(f"expected an https address as {name}, got {found.get(name)!r}")
            keys = _json(_asked(lambda: session.get(found["jwks_uri"], withhold_token=True)))
        self._metadata, self._keys, self._read_at = found, _key_set(keys), at

    def _session(self) -> Any:
        """An OAuth2Session, whose stubs do not know that it is one of `requests`."""
        methods = self._metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        session: Any = OAuth2Session(
            self._settings.client_id,
            self._settings.client_secret,
            token_endpoint_auth_method="client_secret_basic"
            if "client_secret_basic" in methods
            else "client_secret_post",
            scope=SCOPE,
            redirect_uri=self._back,
            code_challenge_method="S256",
            default_timeout=self._settings.timeout_seconds,
        )
        session.adapters.clear()  # there is no plain http here, not even after a redirect
        session.mount("https://", HTTPAdapter())
        return session


def _asked(question: Any) -> Any:
    """What the provider answers.

    Raises:
        OidcError: it refuses, or does not answer.
    """
    try:
        return question()
    except OAuthError as error:
        raise OidcError(f"the provider refused: {error}") from error
    except (requests.RequestException, ValueError) as error:
        raise OidcUnreachableError(f"the provider could not be asked: {error}") from error


def _json(answer: requests.Response) -> Mapping[str, Any]:
    try:
        answer.raise_for_status()
        found = answer.json()
    except (requests.RequestException, ValueError) as error:
        raise OidcUnreachableError(f"the provider's answer cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise OidcUnreachableError(f"expected an object from {answer.url}, got {type(found).__name__}")
    return found


def _key_set(found: Mapping[str, Any]) -> KeySet:
    """The keys that sign; of kinds that we do not know there may be others."""
    usable = [k for k in found.get("keys", []) if k.get("kty") in _KEY_TYPES and k.get("use", "sig") == "sig"]
    try:
        return KeySet.import_key_set({"keys": usable})
    except (JoseError, ValueError) as error:
        raise OidcUnreachableError(f"the provider's keys cannot be read: {error}") from error
