"""X's API for the app by itself: the activity stream, subscriptions and webhooks, with the app's own bearer.

The bearer is asked for with consumer key and secret, kept as long as X takes it, and asked for once more when X does
not. Apart from that nothing is tried twice in here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import Any, Self, TypeVar

import requests
from requests.auth import HTTPBasicAuth

from dminbox.xapi import error_table, parsing, subscribing, transport
from dminbox.xapi.client import API_URL, LARGEST_ERROR
from dminbox.xapi.errors import UnexpectedAnswer, XError
from dminbox.xapi.reply import Kind, Reply, make_reply
from dminbox.xapi.schema import ReplayJob, Subscription, Webhook
from dminbox.xapi.stream import ENDPOINT as STREAM
from dminbox.xapi.stream import ActivityStream
from dminbox.xapi.transport import TIMEOUT, Session, Timeout

T = TypeVar("T")

MOST_BACKFILL = 5  # minutes
MOST_LISTED = 1000
SILENCE_SECONDS = 60.0
ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
NO_IDS: Mapping[str, str] = {}
TOKEN = re.compile(r"[\x21-\x7e]+")


class XApp:
    """http:// is taken only with allow_http.

    `heard` is told every call, for who keeps books: its answer, or the error where none came.
    """

    def __init__(
        self,
        consumer_key: str,
        consumer_secret: str,
        *,
        api_url: str = API_URL,
        token_url: str = "",
        timeout: Timeout = TIMEOUT,
        silence_seconds: float = SILENCE_SECONDS,
        allow_http: bool = False,
        heard: Callable[[Reply | XError], None] = lambda _: None,
    ) -> None:
        if not consumer_key or not consumer_secret:
            raise ValueError("an app has a consumer key and a consumer secret")
        self._api_url = api_url.rstrip("/")
        self._token_url = token_url or f"{self._api_url}/oauth2/token"
        # As bytes, since requests would try latin-1 and fail with the secret in its error.
        self._basic = HTTPBasicAuth(consumer_key.encode(), consumer_secret.encode())
        self._timeout = timeout
        self._silence_seconds = silence_seconds
        self._allow_http = allow_http
        self._heard = heard
        self._session = self._new_session(self._api_url)
        self._bearer = ""

    def __repr__(self) -> str:
        return f"XApp(api_url={self._api_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def bearer(self) -> str:
        """The app's own token; X gives the same one until the app's keys change."""
        if not self._bearer:
            self._bearer = self._ask_for_bearer()
            self._session.token = {"access_token": self._bearer, "token_type": "bearer"}
        return self._bearer

    def stream(self, backfill_minutes: int = 0, *, silence_seconds: float | None = None) -> ActivityStream:
        """Connects when it is entered, and then gives first what was pushed in the last backfill_minutes (0 to 5).

        silence_seconds should be more than two of X's keep-alives, which come every 20 seconds.
        """
        if not 0 <= backfill_minutes <= MOST_BACKFILL:
            raise ValueError(f"backfill_minutes goes from 0 to {MOST_BACKFILL}")
        silence = self._silence_seconds if silence_seconds is None else silence_seconds
        return ActivityStream(lambda: self._open_stream(backfill_minutes, silence), silence)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """All of the app's, of whatever user."""
        found: dict[str, Subscription] = {}
        token, seen = None, set[str | None]()
        while token not in seen:
            seen.add(token)
            listed, token = self._listed(token)
            found |= {one.id: one for one in listed}
            if token is None:
                break
        return tuple(found.values())

    def create_subscription(
        self, event_type: str, user_id: str | None = None, *, tag: str, webhook_id: str | None = None
    ) -> Subscription | None:
        """For what the app itself may ask for, as oauth.revoke; private activity takes the user's own token (XClient).

        None: X did not say what it made, or it was there already.
        """
        body = subscribing.body_of(event_type, user_id, tag, webhook_id)
        return subscribing.made(self._reply("POST", subscribing.PATH, Kind.APP_WRITE, json=body))

    def delete_subscription(self, subscription_id: str) -> None:
        self._delete("/2/activity/subscriptions/{subscription_id}", subscription_id=subscription_id)

    def webhooks(self) -> tuple[Webhook, ...]:
        return _parsed(self._call("GET", "/2/webhooks", Kind.APP_READ), parsing.parse_webhooks)

    def register_webhook(self, url: str) -> Webhook:
        """X sends its challenge to `url` before it answers."""
        return _parsed(self._call("POST", "/2/webhooks", Kind.APP_WRITE, json={"url": url}), parsing.parse_webhook)

    def revalidate_webhook(self, webhook_id: str) -> bool:
        """Has X send its challenge again; whether it did so. webhooks() tells what came of it."""
        reply = self._call("PUT", "/2/webhooks/{webhook_id}", Kind.APP_WRITE, {"webhook_id": webhook_id})
        return _parsed(reply, parsing.parse_challenged)

    def delete_webhook(self, webhook_id: str) -> None:
        self._delete("/2/webhooks/{webhook_id}", webhook_id=webhook_id)

    def replay_webhook(self, webhook_id: str, from_at: datetime, to_at: datetime) -> ReplayJob:
        """Has X send once more what it pushed between two moments; X counts in whole minutes, both included."""
        body = {"webhook_id": _checked(webhook_id), "from_date": _minute(from_at), "to_date": _minute(to_at)}
        reply = self._call("POST", "/2/webhooks/replay", Kind.APP_WRITE, json=body)
        return _parsed(reply, parsing.parse_replay_job)

    def _listed(self, token: str | None) -> tuple[tuple[Subscription, ...], str | None]:
        params = {"max_results": str(MOST_LISTED), **({"pagination_token": token} if token else {})}
        reply = self._call("GET", subscribing.PATH, Kind.APP_READ, params=params)
        return _parsed(reply, parsing.parse_subscriptions)

    def _delete(self, path: str, **ids: str) -> None:
        reply = self._call("DELETE", path, Kind.APP_WRITE, ids)
        is_silent = not reply.is_json and not reply.body
        if not is_silent and not _parsed(reply, parsing.parse_deleted):
            raise error_table.unreadable(reply, "it was not deleted")

    def _call(self, method: str, path: str, kind: Kind, ids: Mapping[str, str] = NO_IDS, **kwargs: Any) -> Reply:
        reply = self._reply(method, path, kind, ids, **kwargs)
        if failure := error_table.failure_in(reply):
            raise failure
        return reply

    def _reply(self, method: str, path: str, kind: Kind, ids: Mapping[str, str] = NO_IDS, **kwargs: Any) -> Reply:
        url = self._api_url + path.format(**{name: _checked(known_id) for name, known_id in ids.items()})
        ask = partial(self._ask, method, url, endpoint=f"{method} {path}", kind=kind, **kwargs)
        reply = ask()
        if reply.status == requests.codes.unauthorized:
            self._bearer = ""
            reply = ask()
        return reply

    def _ask(self, method: str, url: str, *, endpoint: str, kind: Kind, **kwargs: Any) -> Reply:
        self.bearer()
        with self._lost_is_heard():
            reply = transport.exchange(
                self._session, method, url, endpoint=endpoint, kind=kind, timeout=self._timeout, **kwargs
            )
        self._heard(reply)
        return reply

    @contextmanager
    def _lost_is_heard(self) -> Iterator[None]:
        try:
            yield
        except XError as error:
            self._heard(error)
            raise

    def _open_stream(self, backfill_minutes: int, silence: float) -> requests.Response:
        response = self._ask_for_stream(backfill_minutes, silence)
        if response.status_code == requests.codes.unauthorized:
            response.close()
            self._bearer = ""
            response = self._ask_for_stream(backfill_minutes, silence)
        if response.status_code != requests.codes.ok:
            with response:
                raise _refusal(response)
        return response

    def _ask_for_stream(self, backfill_minutes: int, silence: float) -> requests.Response:
        self.bearer()
        with self._lost_is_heard():
            response = transport.send(
                self._session,
                "GET",
                f"{self._api_url}/2/activity/stream",
                endpoint=STREAM,
                kind=Kind.APP_READ,
                params={"backfill_minutes": str(backfill_minutes)} if backfill_minutes else {},
                # Packed, a line would wait in the packer for those that follow.
                headers={"Accept-Encoding": "identity"},
                timeout=(self._timeout[0], silence),
                stream=True,
            )
        self._heard(_head(response))
        return response

    def _ask_for_bearer(self) -> str:
        with self._new_session(self._token_url) as session, self._lost_is_heard():
            reply = transport.exchange(
                session,
                "POST",
                self._token_url,
                endpoint="POST /oauth2/token",
                kind=Kind.APP_TOKEN,
                data={"grant_type": "client_credentials"},
                auth=self._basic,
                timeout=self._timeout,
            )
        self._heard(reply)
        if failure := error_table.failure_in(reply):
            raise failure
        token = reply.body.get("access_token") if isinstance(reply.body, dict) else None
        if not isinstance(token, str) or not TOKEN.fullmatch(token):
            raise error_table.unreadable(reply, "no bearer in it")
        return token

    def _new_session(self, url: str) -> Session:
        return Session(url, allow_http=self._allow_http)


def _head(response: requests.Response) -> Reply:
    """A streamed answer without its body."""
    return Reply(STREAM, Kind.APP_READ, response.status_code, response.headers, None, is_json=False)


def _refusal(response: requests.Response) -> Exception:
    start = transport.beginning(response, STREAM, LARGEST_ERROR)
    reply = make_reply(STREAM, Kind.APP_READ, response.status_code, response.headers, start)
    return error_table.failure_in(reply) or error_table.unreadable(reply, "no stream")


def _parsed(reply: Reply, parse: Callable[[Any], T]) -> T:
    try:
        return parse(reply.body)
    except UnexpectedAnswer as error:
        raise error_table.unreadable(reply, str(error)) from None


def _checked(value: str) -> str:
    if not ID.fullmatch(value):
        raise ValueError("that is no id of X's")
    return value


def _minute(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M")
