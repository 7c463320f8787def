"""The way to X and back: one session, no cookies, no redirects, no bearer anywhere but at X's API."""

import ssl
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import requests
from oauthlib.oauth2.rfc6749.tokens import prepare_bearer_headers
from requests_oauthlib import OAuth2Session
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from dminbox.xapi.errors import OutcomeUnknown, Unavailable, XError
from dminbox.xapi.reply import Kind, Reply, make_reply

Timeout = tuple[float, float]  # seconds to connect, seconds of silence
TIMEOUT: Timeout = (5, 30)
CHUNK = 64 * 1024
FAILURES = (OSError, HTTPError)  # every exception of requests is an OSError


class Session(OAuth2Session):
    """An OAuth2Session that gives its bearer to one origin, follows no redirect and keeps no cookie.

    oauthlib allows http:// only to a whole process, by an environment variable that is never looked at here: this
    session allows it, or not, to itself. Nor does it run OAuth2Session's own request(), which writes tokens to the log.
    """

    def __init__(self, base_url: str, *, allow_http: bool = False, access_token: str = "") -> None:
        super().__init__(token={"access_token": access_token, "token_type": "bearer"} if access_token else None)
        check_transport(base_url, allow_http=allow_http)
        self._origin = _origin(base_url)
        # A proxy sees nothing of https; over http it would see the bearer, and the local X needs none.
        self.trust_env = base_url.lower().startswith("https:")
        self.headers.update({"User-Agent": "dminbox", "Accept": "application/json"})
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def __repr__(self) -> str:
        return f"<Session {self._origin}>"

    def request(  # type: ignore[override]  # the parent's own positional arguments are its token calls'
        self, method: str, url: str, *, withhold_token: bool = False, **kwargs: Any
    ) -> requests.Response:
        if _origin(url) != self._origin:
            raise ValueError("this session speaks to one origin only")
        if self.access_token and not withhold_token:
            kwargs["headers"] = prepare_bearer_headers(self.access_token, kwargs.get("headers"))
        kwargs["allow_redirects"] = False
        return requests.Session.request(self, method, url, **kwargs)


def check_transport(url: str, *, allow_http: bool) -> None:
    """Raises ValueError for what is no https:// address, nor an http:// one where that is allowed."""
    scheme = urlsplit(url).scheme.lower()
    if scheme == "https" or (scheme == "http" and allow_http):
        return
    raise ValueError("secrets travel over https:// only, and over http:// where allow_http says so")


def exchange(session: Session, method: str, url: str, *, endpoint: str, kind: Kind, **kwargs: Any) -> Reply:
    """One request and its whole answer, whatever its status."""
    response = send(session, method, url, endpoint=endpoint, kind=kind, **kwargs)
    return make_reply(endpoint, kind, response.status_code, response.headers, response.content)


def send(session: Session, method: str, url: str, *, endpoint: str, kind: Kind, **kwargs: Any) -> requests.Response:
    try:
        return session.request(method, url, **kwargs)
    except FAILURES as error:
        failure = lost(error, endpoint, kind)
    # Raised out here, so that the error drags no request along, whose headers hold the bearer.
    raise failure


def chunks(response: requests.Response, endpoint: str) -> Iterator[bytes]:
    """The body of a streamed read: each chunk is what has arrived, so that a caller's deadline holds."""
    try:
        while chunk := response.raw.read1(CHUNK, decode_content=True):
            yield chunk
    except FAILURES as error:
        failure = lost(error, endpoint, Kind.READ)
    else:
        return
    raise failure


def beginning(response: requests.Response, endpoint: str, most: int) -> bytes:
    """The first bytes of a streamed answer, as many as are wanted."""
    found = bytearray()
    for chunk in chunks(response, endpoint):
        found += chunk
        if len(found) >= most:
            break
    return bytes(found[:most])


def lost(error: Exception, endpoint: str, kind: Kind) -> XError:
    """What a call without an answer means."""
    message = f"{endpoint}: no answer ({type(error).__name__})"
    if not kind.has_effect or _never_left(error):
        return Unavailable(message, endpoint=endpoint)
    return OutcomeUnknown(message, endpoint=endpoint)


def _never_left(error: BaseException) -> bool:
    """Whether nothing was sent: there was no connection, or its certificate was refused before the first byte."""
    if isinstance(
        error, requests.ConnectTimeout | NewConnectionError | ConnectTimeoutError | ssl.SSLCertVerificationError
    ):
        return True
    inner = (getattr(error, "reason", None), getattr(error, "original_error", None), *error.args)
    return any(isinstance(cause, BaseException) and _never_left(cause) for cause in inner)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{(parts.hostname or '').lower()}:{port}"
