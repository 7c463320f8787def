"""OAuth 2.0 with PKCE as X speaks it: the address of the consent page, and the token, refresh and revoke calls.

Refresh tokens are single use: the answer to a refresh holds the next one, and a lost answer may have spent the old one
(OutcomeUnknown). Codes live for 30 seconds. Nothing is tried twice in here.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard

from oauthlib.common import add_params_to_uri
from oauthlib.oauth2 import WebApplicationClient
from requests.auth import HTTPBasicAuth

from dminbox.xapi import error_table, transport
from dminbox.xapi.reply import Kind, Reply
from dminbox.xapi.transport import TIMEOUT, Session, Timeout

TOKEN_SECONDS = 7200  # where an answer does not say
VERIFIER_LENGTH = 64
LONGEST_STATE = 500


@dataclass(frozen=True, slots=True)
class Endpoints:
    authorize_url: str = "https://x.com/i/oauth2/authorize"
    token_url: str = "https://api.x.com/2/oauth2/token"  # noqa: S105 - an address
    revoke_url: str = "https://api.x.com/2/oauth2/revoke"


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a grant gave. scopes are those really granted, in no order; raw_scope is X's own line of them.

    refresh_token is None without offline.access. expires_at counts from our clock
    at the time of asking, so it is never late.
    """

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    scopes: frozenset[str]
    expires_at: datetime
    raw_scope: str = ""


def new_verifier() -> str:
    """A fresh PKCE code verifier."""
    return str(WebApplicationClient("").create_code_verifier(VERIFIER_LENGTH))


def challenge(verifier: str) -> str:
    """The S256 code challenge of a verifier."""
    return str(WebApplicationClient("").create_code_challenge(verifier, "S256"))


def authorize_url(
    endpoints: Endpoints,
    *,
    client_id: str,
    redirect_uri: str,
    scopes: Iterable[str],
    state: str,
    code_challenge: str,
    allow_http: bool = False,
) -> str:
    """Where to send the person's browser. redirect_uri must be one that is registered at X, letter by letter."""
    transport.check_transport(endpoints.authorize_url, allow_http=allow_http)
    if not 1 <= len(state) <= LONGEST_STATE:
        raise ValueError(f"a state has 1 to {LONGEST_STATE} characters")
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
        "code_challenge": code_challenge,
        "code_challenge_method": "S256",
    }
    return str(add_params_to_uri(endpoints.authorize_url, list(query.items())))


def exchange_code(
    endpoints: Endpoints,
    *,
    client_id: str,
    client_secret: str,
    redirect_uri: str,
    code: str,
    verifier: str,
    timeout: Timeout = TIMEOUT,
    allow_http: bool = False,
) -> TokenPair:
    """The code of a callback for tokens. Raises GrantRefused for a late, spent or mismatched code."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": verifier,
        "client_id": client_id,
    }
    return _ask_for_pair(endpoints, form, _basic(client_id, client_secret), timeout, allow_http)


def refresh(
    endpoints: Endpoints,
    *,
    client_id: str,
    client_secret: str,
    refresh_token: str,
    timeout: Timeout = TIMEOUT,
    allow_http: bool = False,
) -> TokenPair:
    """A new pair for a refresh token, which is dead from then on. Raises GrantRefused for a spent or revoked one."""
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": client_id}
    return _ask_for_pair(endpoints, form, _basic(client_id, client_secret), timeout, allow_http)


def revoke(
    endpoints: Endpoints,
    *,
    client_id: str,
    client_secret: str,
    token: str,
    timeout: Timeout = TIMEOUT,
    allow_http: bool = False,
) -> None:
    """Ends a token. X documents no answer: any 2xx means done."""
    form = {"token": token, "client_id": client_id}
    _post(endpoints.revoke_url, "POST revoke", form, _basic(client_id, client_secret), timeout, allow_http)


def _basic(client_id: str, client_secret: str) -> HTTPBasicAuth:
    # As bytes, since requests would try latin-1 and fail with the secret in its error.
    return HTTPBasicAuth(client_id.encode(), client_secret.encode())


def _ask_for_pair(
    endpoints: Endpoints, form: dict[str, str], auth: HTTPBasicAuth, timeout: Timeout, allow_http: bool
) -> TokenPair:
    asked_at = datetime.now(UTC)
    return _pair(
        _post(endpoints.token_url, f"POST token ({form['grant_type']})", form, auth, timeout, allow_http), asked_at
    )


def _post(
    url: str, endpoint: str, form: dict[str, str], auth: HTTPBasicAuth, timeout: Timeout, allow_http: bool
) -> Reply:
    with Session(url, allow_http=allow_http) as session:
        # X wants Basic of an app with a secret; requests-oauthlib's own refresh_token() would send none.
        reply = transport.exchange(
            session, "POST", url, endpoint=endpoint, kind=Kind.TOKEN, data=form, auth=auth, timeout=timeout
        )
    if failure := error_table.failure_in(reply):
        raise failure
    return reply


def _pair(reply: Reply, asked_at: datetime) -> TokenPair:
    """Read by hand: oauthlib raises when the granted scopes are not the asked ones, and X may grant fewer."""
    body: dict[str, Any] = reply.body if isinstance(reply.body, dict) else {}
    access_token, refresh_token, scope = body.get("access_token"), body.get("refresh_token"), body.get("scope", "")
    if not _is_token(access_token) or not (refresh_token is None or _is_token(refresh_token)):
        raise error_table.unreadable(reply, "no tokens in it")
    if not isinstance(scope, str):
        raise error_table.unreadable(reply, "scope is not text")
    return TokenPair(
        access_token=access_token,
        refresh_token=refresh_token,
        scopes=frozenset(scope.split()),
        expires_at=asked_at + timedelta(seconds=_seconds(body.get("expires_in"))),
        raw_scope=scope,
    )


def _is_token(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and re.fullmatch(r"[\x21-\x7e]+", value) is not None


def _seconds(value: object) -> int:
    text = str(value)
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else TOKEN_SECONDS
