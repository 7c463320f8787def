"""Rows for the examples, built in memory and never saved. Their keys are far above any in a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import XAccount, snowflake_floor
from conversations.models import (
    Conversation,
    DmEvent,
    EventMedia,
    EventParticipant,
    EventPost,
    Media,
    MediaFile,
    Participant,
    Post,
    PostMedia,
    SyncState,
    XUser,
)
from conversations.sync.day import HOUR, HOURS, Day, Hour, Span

FAR = 9_000_000_000_000_000
SAMPLES = [
    "clip-dimming-640x360-poster.jpg",
    "clip-flicker-270x480-poster.jpg",
    "loop-swing-320x240-poster.jpg",
    "loop-glow-240x240-poster.jpg",
    "clip-dimming-640x360.mp4",
    "loop-swing-320x240.mp4",
]
"""Files of the local X: FAR + 1 is the first."""
BLUR = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 4 3'%3E"
    "%3Crect width='4' height='3' fill='%2320303a'/%3E"
    "%3Crect x='1' y='1' width='2' height='1' fill='%23f3d08a'/%3E%3C/svg%3E"
)

US = XUser(pk=FAR, username="NordlichtHelp", name="Nordlicht Lamps Support", profile_seen_at=timezone.now())


def person(number: int, name: str, username: str, **fields: Any) -> XUser:
    return XUser(pk=FAR + number, name=name, username=username, **({"profile_seen_at": timezone.now()} | fields))


ADA = person(1, "Ada Lindqvist", "ada_lindqvist")
BEN = person(2, "Ben Østergård", "ben_reads")
MARYAM = person(3, "مريم الزهراء", "maryam_lights")
TARO = person(4, "山田 太郎", "yamada_taro")
CLEO = person(5, "Cleo Nyström-Vanderbilt the Third of Uppsala", "cleo_third")
OSSIAN = person(6, "Ossian 🕯️", "odd_ossian")
MIRA = person(7, "Mira", "mira_nordlicht")
PEOPLE = (ADA, BEN, MARYAM, TARO, CLEO, OSSIAN, MIRA)
POLL = {
    "options": [
        {"position": 1, "label": "Sand", "votes": 48},
        {"position": 2, "label": "Moss", "votes": 112},
        {"position": 3, "label": "Fjord", "votes": 77},
    ],
    "voting_status": "closed",
}


def x_account(**fields: Any) -> XAccount:
    found = XAccount(
        **({"pk": FAR, "x_user_id": US.pk, "username": US.username, "name": US.name, "state": "connected"} | fields)
    )
    SyncState(x_account=found, last_success_at=timezone.now())
    return found


# --- Conversations and what is said in them ---------------------------------------------------------------------------


def conversation(peer: XUser | None = ADA, *, people: Sequence[XUser] = (), is_read: bool = True, **fields: Any) -> Any:
    """As the inbox and a thread read it, with what their querysets put beside the columns."""
    found: Any = Conversation(pk=FAR, x_account=x_account(), peer=peer, is_group=peer is None, dm_conversation_id="1")
    found.named = [member(each, conversation=found) for each in people or ([peer] if peer else [])]
    for row in found.named:
        row.people = len(found.named)
    told = {"read_to": FAR if is_read else 0, "last_incoming_dm_event_id": 1, "role": "admin", "last_dm_event_id": 1}
    told |= {"history_state": "", "history_events": None, "history_detail": "", "seen_own_id": None, "seen_at": None}
    for name, value in (told | fields).items():
        setattr(found, name, value)
    return found


def member(who: XUser, **fields: Any) -> Any:
    found: Any = Participant(x_user=who)
    told = {"is_ours": False, "former_until": None, "former_name": "", "former_username": ""}
    for name, value in (told | fields).items():
        setattr(found, name, value)
    return found


class Talk:
    """Writes events of one conversation, each a little later than the one before."""

    def __init__(self, of: Any) -> None:
        self.of, self.now, self.events = of, timezone.now() - timedelta(hours=3), list[DmEvent]()

    def say(
        self, sender: XUser | None, text: str, *, media: Sequence[Media] = (), posts: Sequence[Post] = (), **more: Any
    ) -> Talk:
        event = self._event(sender, **({"event_type": "MessageCreate", "text": text} | more))
        event.media_shown = [EventMedia(event=event, media=each) for each in media]
        event.posts_shown = [EventPost(event=event, post=each) for each in posts]
        return self

    def move(self, event_type: str, people: Sequence[XUser], by: XUser | None = None) -> Talk:
        event = self._event(by, event_type=event_type)
        event.people_shown = [EventParticipant(event=event, x_user=each) for each in people]
        return self

    def wait(self, **time: float) -> Talk:
        self.now += timedelta(**time)
        return self

    def _event(self, sender: XUser | None, **fields: Any) -> DmEvent:
        self.wait(seconds=20)
        number = snowflake_floor(self.now)
        event = DmEvent(conversation=self.of, dm_event_id=number, created_at=self.now, sender=sender, **fields)
        event.people_shown, event.media_shown, event.posts_shown = [], [], []
        self.events.append(event)
        return event


def with_last(of: Any, talk: Talk) -> Any:
    of.last_event = talk.events[-1]
    return of


# --- Media and posts --------------------------------------------------------------------------------------------------


def file(number: int, state: str = "stored") -> MediaFile:
    """number: which of SAMPLES, from 1 on."""
    return MediaFile(pk=FAR + number, state=state, placeholder=BLUR if state == "stored" else "")


def photo(number: int = 1, state: str = "stored", alt_text: str = "A lamp in a dark room", **fields: Any) -> Media:
    width, height = [(640, 360), (270, 480), (320, 240), (240, 240)][number - 1]
    return Media(
        **(
            {"type": "photo", "width": width, "height": height, "alt_text": alt_text, "file": file(number, state)}
            | fields
        )
    )


VIDEO = Media(type="video", width=640, height=360, file=file(5), preview=file(1))
GIF = Media(type="animated_gif", width=320, height=240, alt_text="A lamp that swings", file=file(6), preview=file(3))


def post(number: int, **fields: Any) -> Post:
    media = fields.pop("media", ())
    found = Post(
        pk=FAR + number, **({"state": "complete", "fetched_at": timezone.now(), "created_at": timezone.now()} | fields)
    )
    found.media_shown = [PostMedia(post=found, media=each) for each in media]
    return found


def posts() -> dict[str, Post]:
    poll = POLL | {"end_datetime": timezone.now().isoformat()}
    link = {
        "url": "https://t.co/shop000001",
        "expanded_url": "https://nordlicht.example/polaris",
        "unwound_url": "https://nordlicht.example/polaris",
        "display_url": "nordlicht.example/polaris",
        "title": "Polaris, a lamp for long evenings",
        "description": "In sand, moss and fjord.",
        "start": 0,
        "end": 23,
    }
    quoted = post(2, author=TARO, text="灯りは部屋の心です。")
    numbers = {"public_metrics": {"like_count": 1204, "reply_count": 1}}
    return {
        "with a photo, a poll, numbers and a quoted post": post(
            1,
            author=MIRA,
            text="Which shade shall we make next?",
            quoted=quoted,
            poll=poll,
            raw=numbers,
            media=[photo(1)],
        ),
        "with a card": post(3, author=MIRA, text="https://t.co/shop000001", entities={"urls": [link]}),
        "still being fetched": post(4, state="due", fetched_at=None, created_at=None),
        "not shown by X": post(
            5,
            state="unavailable",
            unavailable_reason="Sorry, you are not authorized to see this status.",
            fetched_at=None,
        ),
    }


# --- An X account's day -----------------------------------------------------------------------------------------------


def day() -> Day:
    begins = timezone.now().replace(minute=0, second=0, microsecond=0) - (HOURS - 1) * HOUR
    hours = tuple(_hour(begins, number) for number in range(HOURS))
    return Day(hours, (Span(begins + 5 * HOUR, begins + 7 * HOUR),))


def _hour(begins: datetime, number: int) -> Hour:
    busy = max(0, 12 - abs(number - 14))
    return Hour(
        begins + number * HOUR,
        polls=4 + busy,
        others=busy // 2,
        failed=number == 6,
        allowed=30,
        events=busy * 9,
        usd=Decimal(busy * 9) / 100,
    )
