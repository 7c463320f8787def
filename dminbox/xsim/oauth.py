"""OAuth 2.0 with PKCE: grants, codes and tokens, and X's answers at the token and revoke endpoints."""

import base64
import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from dminbox.xsim.problems import RefusalError
from dminbox.xsim.settings import App, Settings
from dminbox.xsim.world import from_json, many_from_json, to_json


@dataclass
class Code:
    code: str
    client_id: str
    redirect_uri: str
    user_id: str
    scopes: list[str]
    challenge: str
    method: str
    expires_at: datetime


@dataclass
class Grant:
    """What one person allowed one client. `user_id` None: from client_credentials, which no endpoint takes."""

    client_id: str
    user_id: str | None
    scopes: list[str]
    refresh_token: str | None = None
    access: dict[str, str] = field(default_factory=dict)
    """Access token -> when it ends, in ISO 8601."""


@dataclass
class Access:
    """A bearer that is good now."""

    client_id: str
    user_id: str | None
    scopes: frozenset[str]
    is_app: bool = False
    """The bearer of an app by itself, as `oauth_app.py` gives it."""


def refused(description: str, error: str = "invalid_request", status: int = 400) -> RefusalError:
    return RefusalError(status, {"error": error, "error_description": description})


def code_invalid() -> RefusalError:
    return refused("Value passed for the authorization code was invalid.")


def token_invalid() -> RefusalError:
    return refused("Value passed for the token was invalid.")


def unauthorized_client() -> RefusalError:
    return refused("Missing valid authorization header", "unauthorized_client", 401)


@dataclass
class Grants:
    """All codes and grants, found by the tokens that stand for them."""

    settings: Settings
    codes: dict[str, Code] = field(default_factory=dict)
    grants: list[Grant] = field(default_factory=list)
    by_access: dict[str, Grant] = field(default_factory=dict)
    by_refresh: dict[str, Grant] = field(default_factory=dict)

    def new_code(self, asked: "Authorization", user_id: str, now: datetime) -> str:
        code = secrets.token_urlsafe(60)
        expires_at = now + timedelta(seconds=self.settings.code_seconds)
        self.codes = {key: one for key, one in self.codes.items() if one.expires_at > now}
        self.codes[code] = Code(
            code,
            asked.client_id,
            asked.redirect_uri,
            user_id,
            asked.scopes,
            asked.code_challenge,
            asked.code_challenge_method,
            expires_at,
        )
        return code

    def take_code(self, form: Mapping[str, str], client_id: str, now: datetime) -> Code:
        """A code is gone once somebody tried it, with the right verifier or not."""
        code = self.codes.pop(form["code"], None)
        if code is None or code.expires_at <= now or code.client_id != client_id:
            raise code_invalid()
        if code.redirect_uri != form["redirect_uri"] or not _verifies(code, form["code_verifier"]):
            raise code_invalid()
        return code

    def grant(self, client_id: str, user_id: str | None, scopes: list[str], now: datetime) -> dict[str, Any]:
        """A new grant, as the token endpoint says it."""
        grant = Grant(client_id, user_id, scopes)
        self.grants.append(grant)
        return self._issue(grant, now)

    def refresh(self, refresh_token: str, client_id: str, now: datetime) -> dict[str, Any]:
        """Spends the refresh token and gives a new pair."""
        grant = self.by_refresh.get(refresh_token)
        if grant is None or grant.client_id != client_id:
            raise token_invalid()
        del self.by_refresh[refresh_token]
        self._drop_access(grant, now, everything=self.settings.refresh_ends_access)
        return self._issue(grant, now)

    def revoke(self, token: str) -> None:
        """Either token of a pair ends all of its grant."""
        grant = self.by_access.get(token) or self.by_refresh.get(token)
        if grant:
            self.end(grant)

    def end(self, grant: Grant) -> None:
        self.grants.remove(grant)
        self.by_refresh.pop(grant.refresh_token or "", None)
        for token in grant.access:
            self.by_access.pop(token, None)

    def access(self, token: str, now: datetime) -> Access | None:
        grant = self.by_access.get(token)
        if grant is None or datetime.fromisoformat(grant.access[token]) <= now:
            return None
        return Access(grant.client_id, grant.user_id, frozenset(grant.scopes))

    def owner(self, form: Mapping[str, str]) -> str | None:
        """Whom a call of the token endpoint is about."""
        grant = self.by_refresh.get(form.get("refresh_token", "")) or self.by_refresh.get(form.get("token", ""))
        code = self.codes.get(form.get("code", ""))
        return grant.user_id if grant else code.user_id if code else None

    def state(self) -> dict[str, Any]:
        return {
            "codes": [to_json(code) for code in self.codes.values()],
            "grants": [asdict(one) for one in self.grants],
        }

    def load(self, data: dict[str, Any]) -> None:
        self.codes = {one["code"]: from_json(Code, one) for one in data["codes"]}
        self.grants = many_from_json(Grant, data["grants"])
        self.by_access = {token: grant for grant in self.grants for token in grant.access}
        self.by_refresh = {grant.refresh_token: grant for grant in self.grants if grant.refresh_token}

    def _issue(self, grant: Grant, now: datetime) -> dict[str, Any]:
        access = secrets.token_urlsafe(68)
        grant.access[access] = (now + timedelta(seconds=self.settings.token_seconds)).isoformat()
        self.by_access[access] = grant
        answer = {
            "token_type": "bearer",
            "expires_in": int(self.settings.token_seconds),
            "access_token": access,
            "scope": " ".join(sorted(grant.scopes, reverse=True)),
        }
        if "offline.access" in grant.scopes:
            grant.refresh_token = answer["refresh_token"] = secrets.token_urlsafe(68)
            self.by_refresh[grant.refresh_token] = grant
        return answer

    def _drop_access(self, grant: Grant, now: datetime, *, everything: bool) -> None:
        for token, ends_at in list(grant.access.items()):
            if everything or datetime.fromisoformat(ends_at) <= now:
                del grant.access[token]
                del self.by_access[token]


def _verifies(code: Code, verifier: str) -> bool:
    if code.method == "plain":
        return hmac.compare_digest(verifier, code.challenge)
    digest = hashlib.sha256(verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"=").decode(), code.challenge)


@dataclass
class Authorization:
    """What a client asks a person for, on the way to the consent page."""

    client_id: str
    redirect_uri: str
    scopes: list[str]
    state: str
    code_challenge: str
    code_challenge_method: str


def is_registered(app: App, redirect_uri: str) -> bool:
    """Exactly one of the app's addresses; for an app without a list any address on loopback."""
    if app.redirect_uris is not None:
        return redirect_uri in app.redirect_uris
    parts = urlsplit(redirect_uri)
    return parts.scheme in ("http", "https") and is_loopback(parts.hostname or "")


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def client_of(settings: Settings, authorization: str, form: Mapping[str, str]) -> App:
    """The client that calls, proved by Basic, or by its bare id when it is a public one."""
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        app = settings.app(form.get("client_id", ""))
        if app and app.is_public:
            return app
        raise unauthorized_client()
    client_id, secret = basic(encoded)
    app = settings.app(client_id)
    if app is None:
        raise refused("Value passed for the client id was invalid.", "invalid_client", 401)
    if not hmac.compare_digest(secret.encode(), app.secret.encode()):
        raise unauthorized_client()
    return app


def basic(encoded: str) -> tuple[str, str]:
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError as error:
        raise unauthorized_client() from error
    return client_id, secret


def token_answer(grants: Grants, app: App, form: Mapping[str, str], now: datetime) -> dict[str, Any]:
    kind = _required(form, "grant_type")["grant_type"]
    if kind == "refresh_token":
        return grants.refresh(_required(form, "refresh_token")["refresh_token"], app.client_id, now)
    if kind == "client_credentials":
        return grants.grant(app.client_id, None, [], now)
    if kind != "authorization_code":
        raise refused("Value passed for the grant type was invalid.", "unsupported_grant_type")
    code = grants.take_code(_required(form, "code", "redirect_uri", "code_verifier"), app.client_id, now)
    return grants.grant(app.client_id, code.user_id, code.scopes, now)


def revoke_answer(grants: Grants, app: App, form: Mapping[str, str]) -> dict[str, Any]:
    token = _required(form, "token")["token"]
    grant = grants.by_access.get(token) or grants.by_refresh.get(token)
    if grant and grant.client_id != app.client_id:
        raise token_invalid()
    grants.revoke(token)
    return {"revoked": True}


def _required(form: Mapping[str, str], *names: str) -> Mapping[str, str]:
    for name in names:
        if not form.get(name):
            raise refused(f"Missing required parameter [{name}].")
    return form
