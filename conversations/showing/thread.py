"""A thread as its page shows it: days, runs of one sender, markers, pictures and cards. Pure: no queries of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zlib import crc32

from django.utils import timezone
from django.utils.safestring import SafeString

from conversations import cards, links, text
from conversations.models import DmEvent, EventParticipant, MediaFile, Participant, Post
from conversations.showing.names import handle_of, name_of
from conversations.showing.pictures import Picture, picture_of, stored

RUN_BREAK = timedelta(minutes=20)
LONG_TEXT, LONG_LINES = 1200, 24
"""From so many characters or lines on, a message is folded."""
CARD_BOX = (456, 320)
SMALL_PICTURE = 300
"""A narrower one stands beside the words of its link, and not over them."""


@dataclass(frozen=True, slots=True)
class Option:
    label: str
    votes: int


@dataclass(frozen=True, slots=True)
class Linked:
    """A page that is linked to, with its picture once that is here."""

    card: cards.LinkCard
    title: SafeString
    picture: MediaFile | None

    @property
    def is_small(self) -> bool:
        return self.picture is not None and (self.picture.width or 0) < SMALL_PICTURE


@dataclass(frozen=True, slots=True)
class Card:
    """A shared post. `html` is empty when there is nothing but its address to show; so are `name` and `handle`, of its
    author, while nobody knows who that is."""

    post: Post
    name: SafeString
    handle: SafeString
    html: SafeString
    pictures: list[Picture]
    options: list[Option]
    votes: int
    quoted: Card | None
    links: list[Linked]

    @property
    def metrics(self) -> list[str]:
        return cards.metrics_of(self.post.raw)

    @property
    def why(self) -> str:
        return cards.why_unavailable(self.post.unavailable_reason)

    @property
    def poll_end(self) -> datetime | None:
        return cards.poll_end(self.post.poll)


@dataclass(slots=True)
class Shown:
    """One event. `opens_minute`: not of the same run and minute as the one before, which shows the time for both.

    `day` stands on the first of a day, `opens_run` on the first of several by one sender.

    seen_at: on the newest message of ours that the other side has read. is_locked_above: between it and the event
    before, the conversation went on as encrypted X Chat.
    """

    event: DmEvent
    kind: str
    is_ours: bool
    opens_run: bool = True
    opens_minute: bool = True
    day: date | None = None
    html: SafeString | None = None
    is_emoji: bool = False
    pictures: list[Picture] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    links: list[Linked] = field(default_factory=list)
    seen_at: datetime | None = None
    is_locked_above: bool = False
    is_new_above: bool = False

    @property
    def classes(self) -> str:
        names = {"ours": self.is_ours, "first": self.opens_run, "same-minute": not self.opens_minute}
        return " ".join(["event", *(name for name, is_set in names.items() if is_set)])

    @property
    def has_line_above(self) -> bool:
        return self.day is not None or self.is_locked_above or self.is_new_above

    @property
    def is_long(self) -> bool:
        words = self.event.text or ""
        return len(words) > LONG_TEXT or words.count("\n") > LONG_LINES

    @property
    def has_media(self) -> bool:
        return bool(self.pictures)

    @property
    def has_more_than_text(self) -> bool:
        return bool(self.pictures or self.links or self.cards or self.event.unavailable_since)


KINDS: dict[str, str] = {
    DmEvent.Type.MESSAGE_CREATE: "message",
    DmEvent.Type.PARTICIPANTS_JOIN: "joined",
    DmEvent.Type.PARTICIPANTS_LEAVE: "left",
}


def shown(events: Iterable[DmEvent], our_id: int, marks: text.Marks | None = None) -> list[Shown]:
    """Events oldest first; our_id is the X user id of the account the conversation belongs to."""
    rows: list[Shown] = []
    last_day: date | None = None
    for event in events:
        row = _shown(event, our_id, marks)
        before = rows[-1] if rows else None
        day = day_of(event)
        row.day, last_day = (day if day != last_day else None), day
        row.opens_run = row.day is not None or before is None or not _runs_on(before, row)
        row.opens_minute = row.opens_run or before is None or _minute_of(before.event) != _minute_of(event)
        rows.append(row)
    return rows


def newest_by(events: Sequence[DmEvent], sender_id: int, up_to: int) -> int | None:
    """The newest message of that sender, none newer than `up_to`, as `DmEventQuerySet.newest_by` finds it."""
    theirs = (event for event in reversed(events) if event.sender_id == sender_id and event.dm_event_id <= up_to)
    return next((event.dm_event_id for event in theirs if event.event_type == DmEvent.Type.MESSAGE_CREATE), None)


def mark_seen(rows: Iterable[Shown], seen_own_id: int | None, seen_at: datetime | None) -> None:
    for row in rows:
        if row.event.dm_event_id == seen_own_id:
            row.seen_at = seen_at


def mark_unread(rows: Sequence[Shown], read_to: int, older: int | None = None, *, is_newest: bool = True) -> None:
    """Marks the first message of others that a person has not read, if what they have read ends on this page.

    older: the dm_event_id of the event before the page. On a page that is not the newest, what others wrote may begin
    on the next: then the line stands above whatever is new here.
    """
    new = [row for row in rows if row.event.dm_event_id > read_to]
    if not new or not read_to or (older or rows[0].event.dm_event_id) > read_to:
        return
    by_others = [row for row in new if row.kind == "message" and not row.is_ours]
    for row in (by_others or ([] if is_newest else new))[:1]:
        row.is_new_above = row.opens_run = row.opens_minute = True


def mark_locked(rows: Sequence[Shown], locked_id: int) -> bool:
    """Marks the row above which the conversation went on encrypted; True when that is below all of them."""
    for row in rows:
        if row.event.dm_event_id > locked_id:
            row.is_locked_above = True
            return False
    return True


def day_of(event: DmEvent) -> date:
    return timezone.localtime(event.created_at).date()


def _minute_of(event: DmEvent) -> datetime:
    return event.created_at.replace(second=0, microsecond=0)


def _runs_on(before: Shown, row: Shown) -> bool:
    return (
        before.kind == row.kind == "message"
        and before.event.sender_id == row.event.sender_id
        and row.event.created_at - before.event.created_at < RUN_BREAK
    )


def _shown(event: DmEvent, our_id: int, marks: text.Marks | None) -> Shown:
    row = Shown(event, KINDS.get(event.event_type, "odd"), is_ours=event.sender_id == our_id)
    if row.kind != "message":
        return row
    row.pictures = [picture_of(each.media, marks=marks) for each in event.media_shown]
    row.cards = [card_of(each.post, marks=marks) for each in event.posts_shown]
    shared = {str(card.post.pk) for card in row.cards}
    row.links = [each for each in linked_by(event, marks) if links.post_id_of(each.card.address) not in shared]
    row.html = text.to_html(
        event.text,
        event.entities,
        has_media=bool(row.pictures),
        card_post_ids=[card.post.pk for card in row.cards],
        marks=marks,
    )
    row.is_emoji = not row.pictures and not row.cards and text.is_emoji_only(event.text)
    return row


# --- Posts ------------------------------------------------------------------------------------------------------------


def posts_of(events: Iterable[DmEvent]) -> list[Post]:
    """The posts of a page and those they quote: whose media is fetched together."""
    posts = [each.post for event in events for each in event.posts_shown]
    return posts + [post.quoted for post in posts if post.quoted]


def linked_by(row: DmEvent | Post, marks: text.Marks | None = None) -> list[Linked]:
    """`link_files` stands on the rows of a thread: the pictures by where X keeps them."""
    files: dict[str, MediaFile] = getattr(row, "link_files", {})
    return [
        Linked(card, text.marked(card.title, marks), stored(files.get(card.picture)))
        for card in cards.link_cards_of(row.entities)
    ]


def card_of(post: Post, *, is_quoted: bool = False, marks: text.Marks | None = None) -> Card:
    pictures = [picture_of(each.media, CARD_BOX, marks) for each in post.media_shown]
    quoted = None if is_quoted or post.quoted is None else card_of(post.quoted, is_quoted=True, marks=marks)
    html = text.to_html(
        post.text,
        post.entities,
        has_media=bool(pictures),
        card_post_ids=[quoted.post.pk] if quoted else [],
        marks=marks,
    )
    options = _options_of(post.poll)
    votes = sum(option.votes for option in options)
    return Card(post, *_author_of(post, marks), html, pictures, options, votes, quoted, linked_by(post, marks))


def _author_of(post: Post, marks: text.Marks | None) -> tuple[SafeString, SafeString]:
    if post.author is None:
        return SafeString(), SafeString()
    return text.marked(name_of(post.author), marks), text.marked(handle_of(post.author), marks)


def _options_of(poll: Any) -> list[Option]:
    """X's poll object is kept as it came, so each part is looked at before it is used."""
    options = poll.get("options") if isinstance(poll, dict) else None
    found = [option for option in options or [] if isinstance(option, dict) and option.get("label")]
    found.sort(key=lambda option: option.get("position") or 0)
    return [Option(str(option["label"]), int(option.get("votes") or 0)) for option in found]


# --- The side panel ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One coming or going of one person."""

    event: DmEvent
    has_joined: bool


def steps_by_person(rows: Sequence[EventParticipant]) -> dict[int, list[Step]]:
    """When each person came and went, oldest first: people leave and come back."""
    steps: dict[int, list[Step]] = {}
    for row in rows:
        step = Step(row.event, row.event.event_type == DmEvent.Type.PARTICIPANTS_JOIN)
        steps.setdefault(row.x_user_id, []).append(step)
    return steps


def panel_state(people: Iterable[Participant]) -> str:
    """The same for as long as the panel tells the same of each: not of the order, which each message may change.

    They come `with_profiles`.
    """
    return f"{crc32(repr(sorted(map(_told_of, people))).encode()):08x}"


def _told_of(row: Any) -> tuple[int, str]:
    person, avatar = row.x_user, stored(row.x_user.avatar)
    profile = person.name, person.username, avatar and avatar.pk, person.profile_seen_at is None, row.former_until
    trouble = person.unavailable_since and (person.unavailable_reason, person.profile_seen_at)
    inviter = row.invited_by and row.invited_by.name
    return person.pk, repr((profile, trouble, row.is_ours, row.is_present, row.joined_at, inviter, row.left_at))
