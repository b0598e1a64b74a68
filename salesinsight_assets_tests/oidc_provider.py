"""A small identity provider on TLS that signs one person in, as the protocol says or as a test wants it wrong."""

import base64
import hashlib
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import trustme
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT_ID, CLIENT_SECRET = "salesinsight", "s3cret+of/an:app"


@dataclass
class Provider:
    """`person` are claims of whoever signs in; `wrong` replaces claims of the ID token, None takes one away."""

    issuer: str
    ca_file: str
    clock: Callable[[], datetime]
    person: dict[str, Any] = field(default_factory=dict)
    wrong: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(parameters={"kid": "first"}))
    published: list[RSAKey] = field(default_factory=list)
    userinfo: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)

    def behave(self, person: dict[str, Any]) -> None:
        """Forget everything that was wrong."""
        self.person, self.wrong, self.metadata, self.userinfo, self.published = person, {}, {}, {}, []

    def environment(self) -> dict[str, str]:
        return {"OIDC_ISSUER": self.issuer, "OIDC_CLIENT_ID": CLIENT_ID, "OIDC_CLIENT_SECRET": CLIENT_SECRET}

    def id_token(self, nonce: str) -> str:
        now = int(self.clock().timestamp())
        right = {"iss": self.issuer, "sub": "ann", "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": nonce}
        claims = {**right, **self.person, **self.wrong}
        given = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, given, self.key)


def _application(provider: Provider) -> FastAPI:
    app = FastAPI()

    @app.get("/.well-known/openid-configuration")
    def metadata() -> dict[str, Any]:
        paths = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        found = {name: f"{provider.issuer}/{path}" for name, path in paths.items()}
        more = {"userinfo_endpoint": f"{provider.issuer}/userinfo"} if provider.userinfo else {}
        return {"issuer": provider.issuer, **found, **more, **provider.metadata}

    @app.get("/keys")
    def keys() -> Any:
        return KeySet(provider.published or [provider.key]).as_dict()

    @app.get("/authorize")
    def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        provider.asked.append(asked)
        code = secrets.token_urlsafe(16)
        provider.codes[code] = asked
        told = urlencode({"code": code, "state": asked["state"], "iss": provider.issuer})
        return RedirectResponse(f"{asked['redirect_uri']}?{told}", 302)

    @app.post("/token")
    async def token(request: Request) -> Response:
        form = dict(await request.form())
        login = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {login}":
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = provider.codes.pop(str(form["code"]), None)  # a code works once
        proof = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(proof).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant", "error_description": "no such code"}, 400)
        answer = {"access_token": "access", "token_type": "Bearer", "id_token": provider.id_token(asked["nonce"])}
        return JSONResponse(answer)

    @app.get("/userinfo")
    def userinfo(request: Request) -> dict[str, Any]:
        assert request.headers["authorization"] == "Bearer access"
        return provider.userinfo

    return app


@contextmanager
def oidc_provider(folder: Path, clock: Callable[[], datetime]) -> Generator[Provider]:
    """The provider on a port of 127.0.0.1, with a certificate of `ca_file`, while the context lasts."""
    authority, certificate = trustme.CA(), folder / "provider.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    authority.cert_pem.write_to_path(str(folder / "provider-ca.pem"))
    provider = Provider("", str(folder / "provider-ca.pem"), clock)
    config = uvicorn.Config(
        _application(provider),
        host="127.0.0.1",
        port=0,
        log_level="error",
        ssl_certfile=str(certificate),
        ssl_keyfile=str(certificate),
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    provider.issuer = f"https://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join()
