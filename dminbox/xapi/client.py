"""X's API for one access token: one method per endpoint; an Answer comes out, or an XError.

Nothing is tried twice in here: when and whether to call again is the caller's to decide.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from dminbox.xapi import error_table, known_members, parsing, subscribing, transport
from dminbox.xapi.errors import UnexpectedAnswer
from dminbox.xapi.query import EventType, Vocabulary, chat_query, dm_query, post_query, user_query
from dminbox.xapi.reply import Kind, Reply, make_reply
from dminbox.xapi.schema import Answer, ChatPage, Page, Posts, RateLimit, Sent, Subscription, User, Users
from dminbox.xapi.transport import TIMEOUT, Session, Timeout

T = TypeVar("T")

API_URL = "https://api.x.com"
EMPTY_PAGES_FOLLOWED = 5
MOST_IDS = 100
MOST_RESULTS = 100
SMALLEST_GROUP, LARGEST_GROUP = 2, 49  # participants besides us
LARGEST_ERROR = 64 * 1024

USER_ID = re.compile(r"[0-9]{1,19}")
CONVERSATION = re.compile(r"[0-9]{1,19}-[0-9]{1,19}|[0-9]{15,19}")
PATTERNS = {
    "event_id": USER_ID,
    "participant_id": USER_ID,
    "dm_id": USER_ID,
    "media_id": USER_ID,
    "dm_conversation_id": CONVERSATION,
    "username": re.compile(r"[A-Za-z0-9_]{1,15}"),
    # The dots alone would climb up the path.
    "resource_id": re.compile(r"(?!\.{1,2}$)[a-zA-Z0-9_.-]{1,50}"),
}


@dataclass(frozen=True, slots=True)
class MediaBody:
    """The bytes of a DM photo as they come; X declares octet-stream whatever they are. length is None if not told."""

    chunks: Iterator[bytes] = field(repr=False)
    content_type: str
    length: int | None
    rate_limit: RateLimit

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks


class XClient:
    """http:// is taken only with allow_http."""

    def __init__(
        self,
        access_token: str,
        *,
        api_url: str = API_URL,
        vocabulary: str = Vocabulary.TWEET,
        timeout: Timeout = TIMEOUT,
        session: Session | None = None,
        allow_http: bool = False,
    ) -> None:
        if not re.fullmatch(r"[\x21-\x7e]+", access_token):
            raise ValueError("an access token is printable ASCII without spaces")
        self._api_url = api_url.rstrip("/")
        self._vocabulary = Vocabulary(vocabulary)
        self._timeout = timeout
        self._session = session or Session(api_url, allow_http=allow_http)
        self._session.token = {"access_token": access_token, "token_type": "bearer"}

    def __repr__(self) -> str:
        return f"XClient(api_url={self._api_url!r}, vocabulary={self._vocabulary.value!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def dm_events(
        self,
        *,
        max_results: int = MOST_RESULTS,
        pagination_token: str | None = None,
        event_types: Iterable[str] = (),
        expand_users: bool = True,
    ) -> Answer[Page]:
        """A page of all conversations, of the last 30 days."""
        query = self._page_query(max_results, pagination_token, event_types, expand_users)
        return self._page("/2/dm_events", query)

    def dm_events_with(
        self,
        participant_id: str,
        *,
        max_results: int = MOST_RESULTS,
        pagination_token: str | None = None,
        event_types: Iterable[str] = (),
        expand_users: bool = True,
    ) -> Answer[Page]:
        """A page of the one-to-one conversation with this person."""
        query = self._page_query(max_results, pagination_token, event_types, expand_users)
        return self._page("/2/dm_conversations/with/{participant_id}/dm_events", query, participant_id=participant_id)

    def conversation_dm_events(
        self,
        dm_conversation_id: str,
        *,
        max_results: int = MOST_RESULTS,
        pagination_token: str | None = None,
        event_types: Iterable[str] = (),
        expand_users: bool = True,
    ) -> Answer[Page]:
        """A page of one conversation, a group's or not."""
        query = self._page_query(max_results, pagination_token, event_types, expand_users)
        path = "/2/dm_conversations/{dm_conversation_id}/dm_events"
        return self._page(path, query, dm_conversation_id=dm_conversation_id)

    def dm_event(self, event_id: str, *, expand_users: bool = True) -> Answer[Page]:
        """A page of this one event."""
        query = dm_query(self._vocabulary, expand_users=expand_users)
        return self._page("/2/dm_events/{event_id}", query, event_id=event_id)

    @staticmethod
    def pages(fetch: Callable[[str | None], Answer[Page]], start: str | None = None) -> Iterator[Answer[Page]]:
        """Page after page into the past; fetch gets the token of each, the first one `start`.

        It ends on a missing token, on one seen before, and after five empty pages have been followed in a row. A
        last page that still has a next_token therefore leaves a gap behind it, to be tried again later from there.
        """
        token, seen, empty = start, {start}, 0
        while True:
            answer = fetch(token)
            yield answer
            token = answer.value.next_token
            empty = 0 if answer.value.events or answer.value.odd else empty + 1
            if token is None or token in seen or empty > EMPTY_PAGES_FOLLOWED:
                return
            seen.add(token)

    def me(self) -> Answer[User]:
        """Whose token this is."""
        reply = self._call("GET", "/2/users/me", params=user_query())
        return _answer(reply, parsing.parse_user, bills="users")

    def users(self, ids: Iterable[str]) -> Answer[Users]:
        """Up to 100 people; who is suspended or gone is missing, and named among the problems."""
        params = {"ids": _joined(ids), **user_query()}
        return _answer(self._call("GET", "/2/users", params=params), parsing.parse_users, bills="users")

    def user_by_username(self, username: str) -> Answer[User]:
        """`username` without the @."""
        reply = self._call("GET", "/2/users/by/username/{username}", params=user_query(), ids={"username": username})
        return _answer(reply, parsing.parse_user, bills="users")

    def tweets(self, ids: Iterable[str]) -> Answer[Posts]:
        """Up to 100 posts with author, media, poll and the posts they refer to.

        Those that are protected or gone are missing and named among the problems; if all are, it raises NotThere or
        NotPermitted with the same problems.
        """
        params = {"ids": _joined(ids), **post_query(self._vocabulary)}
        return _answer(self._call("GET", "/2/tweets", params=params), parsing.parse_posts, bills="posts")

    @contextmanager
    def dm_media(self, dm_id: str, media_id: str, resource_id: str) -> Iterator[MediaBody]:
        """A photo of a message; the three parts are the tail of its URL, where dm_id may be another message's."""
        path = "/2/dm_conversations/media/{dm_id}/{media_id}/{resource_id}"
        url = self._api_url + _path(path, dm_id=dm_id, media_id=media_id, resource_id=resource_id)
        # Unpacked, so that the bytes are as many as Content-Length says.
        headers = {"Accept": "*/*", "Accept-Encoding": "identity"}
        endpoint = f"GET {path}"
        with transport.send(
            self._session,
            "GET",
            url,
            endpoint=endpoint,
            kind=Kind.READ,
            headers=headers,
            timeout=self._timeout,
            stream=True,
        ) as response:
            content_type = response.headers.get("content-type", "")
            chunks = transport.chunks(response, endpoint)
            head = Reply(endpoint, Kind.READ, response.status_code, response.headers, None, is_json=False)
            if head.status != 200 or "json" in content_type:
                raise _no_media(head, next(chunks, b"")[:LARGEST_ERROR])
            yield MediaBody(chunks, content_type, _length(response.headers.get("content-length")), head.rate_limit)

    def send_to_participant(
        self, participant_id: str, text: str | None = None, media_ids: Iterable[str] = ()
    ) -> Answer[Sent]:
        """Writes to a person, in the one-to-one conversation that exists or begins with it."""
        body = _message(text, media_ids)
        path = "/2/dm_conversations/with/{participant_id}/messages"
        return self._send(path, body, participant_id=participant_id)

    def send_to_conversation(
        self, dm_conversation_id: str, text: str | None = None, media_ids: Iterable[str] = ()
    ) -> Answer[Sent]:
        """Writes into a conversation, a group or not."""
        body = _message(text, media_ids)
        path = "/2/dm_conversations/{dm_conversation_id}/messages"
        return self._send(path, body, dm_conversation_id=dm_conversation_id)

    def create_group(
        self, participant_ids: Iterable[str], text: str | None = None, media_ids: Iterable[str] = ()
    ) -> Answer[Sent]:
        """Opens a new group with its first message: a new one every time, also for the same people."""
        people = [_checked("participant_id", participant_id) for participant_id in participant_ids]
        if not SMALLEST_GROUP <= len(people) <= LARGEST_GROUP:
            raise ValueError(f"a group begins with {SMALLEST_GROUP} to {LARGEST_GROUP} participants")
        # X reads "Group" with its capital only.
        body = {"conversation_type": "Group", "participant_ids": people, "message": _message(text, media_ids)}
        return self._send("/2/dm_conversations", body)

    def delete_dm_event(self, event_id: str) -> Answer[bool]:
        """Takes an own message out of our view; the other side keeps it."""
        reply = self._call("DELETE", "/2/dm_events/{event_id}", kind=Kind.WRITE, ids={"event_id": event_id})
        return _answer(reply, parsing.parse_deleted)

    def chat_conversations(
        self, *, max_results: int = MOST_RESULTS, pagination_token: str | None = None, expand_users: bool = False
    ) -> Answer[ChatPage]:
        """A page of encrypted conversations: that they are there. Without expand_users only their ids name people."""
        if not 1 <= max_results <= MOST_RESULTS:
            raise ValueError(f"max_results goes from 1 to {MOST_RESULTS}")
        params = {"max_results": str(max_results), **chat_query(self._vocabulary, expand_users=expand_users)}
        if pagination_token is not None:
            params["pagination_token"] = pagination_token
        return _answer(
            self._call("GET", "/2/chat/conversations", params=params), parsing.parse_chat_page, bills="chats"
        )

    def create_subscription(
        self, event_type: str, user_id: str, *, tag: str, webhook_id: str | None = None
    ) -> Answer[Subscription | None]:
        """Has X push this kind of the user's activity, over the stream or to a webhook. The token is the user's own.

        None: X did not say what it made, or it was there already. Raises SubscriptionCap when X gives no more.
        """
        body = subscribing.body_of(event_type, user_id, tag, webhook_id)
        reply = self._reply("POST", subscribing.PATH, kind=Kind.WRITE, body=body)
        return _made(reply, subscribing.made(reply), bills=None)

    def _page_query(
        self, max_results: int, pagination_token: str | None, event_types: Iterable[str], expand_users: bool
    ) -> dict[str, str]:
        if not 1 <= max_results <= MOST_RESULTS:
            raise ValueError(f"max_results goes from 1 to {MOST_RESULTS}")
        query = {"max_results": str(max_results), **dm_query(self._vocabulary, expand_users=expand_users)}
        kinds = dict.fromkeys(EventType(event_type).value for event_type in event_types)
        if kinds:
            query["event_types"] = ",".join(kinds)
        if pagination_token is not None:
            query["pagination_token"] = pagination_token
        return query

    def _page(self, path: str, query: dict[str, str], **ids: str) -> Answer[Page]:
        return _answer(self._call("GET", path, params=query, ids=ids), parsing.parse_page, bills="events")

    def _send(self, path: str, body: dict[str, Any], **ids: str) -> Answer[Sent]:
        return _answer(self._call("POST", path, kind=Kind.WRITE, body=body, ids=ids), parsing.parse_sent)

    def _call(
        self,
        method: str,
        path: str,
        *,
        kind: Kind = Kind.READ,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        ids: dict[str, str] | None = None,
    ) -> Reply:
        reply = self._reply(method, path, kind=kind, params=params, body=body, ids=ids)
        if failure := error_table.failure_in(reply):
            raise failure
        return reply

    def _reply(
        self,
        method: str,
        path: str,
        *,
        kind: Kind,
        params: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
        ids: dict[str, str] | None = None,
    ) -> Reply:
        return transport.exchange(
            self._session,
            method,
            self._api_url + _path(path, **(ids or {})),
            endpoint=f"{method} {path}",
            kind=kind,
            params=params,
            json=body,
            timeout=self._timeout,
        )


def _answer(reply: Reply, parse: Callable[[Any], T], bills: str | None = None) -> Answer[T]:
    return _made(reply, _parsed(reply, parse), bills=bills)


def _parsed(reply: Reply, parse: Callable[[Any], T]) -> T:
    try:
        return parse(reply.body)
    except UnexpectedAnswer as error:
        raise error_table.unreadable(reply, str(error)) from None


def _made(reply: Reply, value: T, *, bills: str | None) -> Answer[T]:
    return Answer(
        value=value,
        rate_limit=reply.rate_limit,
        billed=parsing.billed_in(reply.body, bills),
        problems=parsing.parse_problems(reply.body),
        answered_at=reply.answered_at,
        endpoint=reply.endpoint,
        transaction_id=reply.transaction_id,
        api_version=reply.api_version,
        unknown=known_members.unknown_in(reply.body, bills),
    )


def _no_media(head: Reply, start: bytes) -> Exception:
    reply = make_reply(head.endpoint, head.kind, head.status, head.headers, start)
    return error_table.failure_in(reply) or error_table.unreadable(reply, "no picture")


def takes_conversation(dm_conversation_id: str) -> bool:
    """Whether X's DM endpoints know such an id: of encrypted conversations not those of groups, "g" and a number."""
    return CONVERSATION.fullmatch(_with_a_dash(dm_conversation_id)) is not None


def _path(path: str, **ids: str) -> str:
    return path.format(**{name: _checked(name, value) for name, value in ids.items()})


def _checked(name: str, value: str) -> str:
    if name == "dm_conversation_id":
        value = _with_a_dash(value)
    if not PATTERNS[name].fullmatch(value):
        raise ValueError(f"that is no {name}")
    return value


def _with_a_dash(dm_conversation_id: str) -> str:
    return dm_conversation_id.replace(":", "-")


def _joined(ids: Iterable[str]) -> str:
    known = list(dict.fromkeys(ids))
    if not 1 <= len(known) <= MOST_IDS:
        raise ValueError(f"1 to {MOST_IDS} ids in one call")
    if not all(USER_ID.fullmatch(value) for value in known):
        raise ValueError("ids are numbers of up to 19 digits")
    return ",".join(known)


def _message(text: str | None, media_ids: Iterable[str]) -> dict[str, Any]:
    attachments = [{"media_id": _checked("media_id", media_id)} for media_id in media_ids]
    message: dict[str, Any] = {}
    if text:
        message["text"] = text
    if attachments:
        message["attachments"] = attachments
    if not message:
        raise ValueError("a message has a text or an attachment")
    return message


def _length(value: str | None) -> int | None:
    return int(value) if value and value.isascii() and value.isdigit() else None
