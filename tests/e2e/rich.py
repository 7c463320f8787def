"""An inbox that holds one of everything a page can show, for tests of pages and for looking at them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import OuterRef
from PIL import Image, ImageDraw

from accounts.models import Membership, Role, User, XAccount, snowflake_floor
from conversations.models import (
    ActivitySubscription,
    ApiCall,
    Conversation,
    DmEvent,
    EventMedia,
    EventParticipant,
    EventPost,
    LinkPicture,
    Media,
    MediaFile,
    Post,
    PostMedia,
    PushState,
    RateWindow,
    ReadInterval,
    ReadMark,
    SpendDay,
    XUser,
)
from dminbox.styleguide.rows import PEOPLE, POLL
from tests import factories

FILES = Path(settings.BASE_DIR) / "dminbox" / "xsim" / "files"
SUPPORT_ID, STUDIO_ID = 1_700_000_000_000_000_001, 1_700_000_000_000_000_002


@dataclass
class Rich:
    support: XAccount
    studio: XAccount
    everything: Conversation
    group: Conversation
    long: Conversation
    people: list[XUser]


class Teller:
    """Writes events into a conversation at rising ids; as one asks for, rows that are not stored yet."""

    def __init__(
        self, conversation: Conversation, begin: datetime, make: Callable[..., DmEvent] = factories.DmEventFactory
    ) -> None:
        self.conversation, self.now, self.count, self.make = conversation, begin, 0, make

    def wait(self, **time: float) -> Teller:
        self.now += timedelta(**time)
        return self

    def event(self, sender: XUser | None, text: str | None = None, **fields: object) -> DmEvent:
        self.count += 1
        return self.make(
            conversation=self.conversation,
            dm_event_id=snowflake_floor(self.now) + self.count,
            created_at=self.now.replace(microsecond=0),
            sender=sender,
            text=text,
            stored_at=self.now,
            **fields,
        )

    def say(self, sender: XUser, text: str | None, **fields: object) -> DmEvent:
        self.wait(seconds=40)
        return self.event(sender, text, **fields)

    def move(self, kind: str, people: list[XUser], by: XUser | None = None) -> DmEvent:
        self.wait(minutes=3)
        event = self.event(by, event_type=kind)
        for position, person in enumerate(people):
            EventParticipant.objects.create(event=event, x_user=person, position=position)
        return event


def recount(conversation: Conversation) -> None:
    """The columns sync keeps."""
    last = conversation.events.order_by("-dm_event_id").first()
    ours = conversation.x_account.x_user_id
    incoming = conversation.events.messages().exclude(sender=ours).order_by("-dm_event_id").first()
    conversation.last_event, conversation.last_dm_event_id = last, last.dm_event_id if last else 0
    conversation.last_incoming_dm_event_id = incoming.dm_event_id if incoming else 0
    conversation.save()


def read_most(user: User, conversation: Conversation) -> None:
    """All but the newest five events: what is new stands on one page."""
    newest = conversation.events.newest_ids(6)
    ReadMark.objects.create(user=user, conversation=conversation, dm_event_id=newest[-1])


@transaction.atomic
def fill(user: User, now: datetime | None = None) -> Rich:
    now = now or datetime.now(UTC)
    support = factories.XAccountFactory(x_user_id=SUPPORT_ID, username="NordlichtHelp", name="Nordlicht Lamps Support")
    studio = factories.XAccountFactory(x_user_id=STUDIO_ID, username="NordlichtStudio", name="Nordlicht Studio")
    for x_account in (support, studio):
        factories.SyncStateFactory(x_account=x_account, last_success_at=now, last_poll_at=now, import_days=30)
        Membership.objects.create(user=user, x_account=x_account, role=Role.ADMIN, created_at=now - timedelta(days=20))
    us = factories.XUserFactory(id=SUPPORT_ID, username="NordlichtHelp", name="Nordlicht Lamps Support")
    them = factories.XUserFactory(id=STUDIO_ID, username="NordlichtStudio", name="Nordlicht Studio")
    people = [
        factories.XUserFactory(id=900_000_000 + n, name=person.name, username=person.username)
        for n, person in enumerate(PEOPLE)
    ]
    people[0].avatar = photo_file("avatar-ada", 96, 96)
    people[0].save()
    small_talks(support, {n: now - timedelta(hours=5 * n, minutes=7 * n) for n in range(1, 70)})
    small_talks(studio, {100: now - timedelta(hours=2)})
    return Rich(
        support,
        studio,
        _everything(support, us, people, now),
        _group(support, us, them, people, now),
        _long(support, us, people[1], now),
        people,
    )


def small_talks(x_account: XAccount, ends: dict[int, datetime]) -> None:
    """By the customer's number when it ends. In few statements and without factories: very many tests begin so."""
    us = XUser.objects.get(pk=x_account.x_user_id)
    seen = {"profile_seen_at": datetime(2026, 1, 1, tzinfo=UTC)}
    peers = [XUser(id=800_000_000 + n, name=f"Customer {n}", username=f"customer_{n}", **seen) for n in ends]
    XUser.objects.bulk_create(peers)
    built = [
        Conversation(x_account=x_account, peer=peer, dm_conversation_id=f"{peer.pk}-{x_account.x_user_id}")
        for peer in peers
    ]
    conversations = Conversation.objects.bulk_create(built)
    told = [_told(each, us, n, at) for each, (n, at) in zip(conversations, ends.items(), strict=True)]
    DmEvent.objects.bulk_create([event for events in told for event in events])
    newest_first = DmEvent.objects.filter(conversation=OuterRef("pk")).order_by("-dm_event_id")
    Conversation.objects.filter(peer__in=peers).update(
        last_event=newest_first.values("pk")[:1],
        last_dm_event_id=newest_first.values("dm_event_id")[:1],
        last_incoming_dm_event_id=newest_first.filter(sender=OuterRef("peer")).values("dm_event_id")[:1],
    )


def _told(conversation: Conversation, us: XUser, n: int, at: datetime) -> list[DmEvent]:
    teller = Teller(conversation, at - timedelta(minutes=5), _message)
    asked = teller.say(conversation.peer, "Hello! The dimmer of my Polaris hums since yesterday. What can I do?")
    if n % 3 == 0:
        return [asked]
    return [asked, teller.say(us, "Sorry to hear that. Could you tell us the number under its foot?")]


def _message(**fields: Any) -> DmEvent:
    kind = DmEvent.Type.MESSAGE_CREATE
    return DmEvent(event_type=kind, raw={"id": str(fields["dm_event_id"]), "event_type": kind}, **fields)


def _everything(x_account: XAccount, us: XUser, people: list[XUser], now: datetime) -> Conversation:
    peer = people[0]
    conversation = factories.ConversationFactory(x_account=x_account, peer=peer)
    factories.ParticipantFactory(conversation=conversation, x_user=peer)
    factories.ParticipantFactory(conversation=conversation, x_user=us)
    teller = Teller(conversation, now - timedelta(days=2, hours=1))
    teller.say(peer, "Good morning! Is the Polaris in sand still in stock?\nI saw it in the window on Friday.")
    teller.say(peer, "And would you ship to Tromsø?")
    teller.say(us, "Good morning Ada, it is &amp; yes we do. Shipping takes &lt; 4 days.")
    teller.say(peer, "💡❤️")
    teller.wait(hours=20)
    attach(teller.say(peer, " https://t.co/photo00001"), photo("5_1", 1600, 1067, "A standing lamp beside a window"))
    teller.say(peer, "It looks like this at home", entities={})
    attach(
        teller.say(us, "Lovely! https://t.co/gif0000001"), clip("16_1", "animated_gif", "loop-glow-240x240", 240, 240)
    )
    attach(
        teller.say(peer, "A short film https://t.co/video00001"),
        clip("13_1", "video", "clip-dimming-640x360", 640, 360),
    )
    attach(
        teller.say(peer, " https://t.co/photo00002"),
        Media.objects.create(
            media_key="5_2",
            type="photo",
            width=900,
            height=1200,
            alt_text="A broken foot",
            file=file("due", state="due"),
        ),
    )
    attach(
        teller.say(peer, " https://t.co/photo00003"),
        Media.objects.create(
            media_key="5_3",
            type="photo",
            width=900,
            height=1200,
            file=file("gone", state="gone"),
        ),
    )
    teller.wait(hours=5)
    share(
        teller.say(
            us,
            "Have you seen our new shade? https://t.co/post000001",
            entities={
                "urls": [
                    {
                        "url": "https://t.co/post000001",
                        "expanded_url": "https://x.com/NordlichtStudio/status/7001",
                        "display_url": "x.com/NordlichtStudio/st…",
                        "start": 28,
                        "end": 51,
                    }
                ]
            },
        ),
        post_with_everything(people),
    )
    share(
        teller.say(peer, "https://t.co/post000002"),
        Post.objects.create(
            id=7005,
            state="unavailable",
            unavailable_reason="Sorry, you are not authorized to see this status.",
            details_due_at=None,
        ),
    )
    share(teller.say(peer, "https://t.co/post000003"), Post.objects.create(id=7006, text="Details are on their way"))
    teller.say(peer, "مرحبا، هل يمكنني طلب مصباح ثانٍ؟ شكراً جزيلاً")
    teller.say(
        us,
        "Of course! See https://t.co/shop000001 for the colours",
        entities={
            "urls": [
                {
                    "url": "https://t.co/shop000001",
                    "expanded_url": "https://nordlicht.example/polaris/colours?from=dm",
                    "display_url": "nordlicht.example/polaris/colour…",
                    "start": 15,
                    "end": 38,
                }
            ]
        },
    )
    teller.say(peer, "ありがとうございます。来週また連絡します。")
    teller.event(None, event_type="MessagePinned")
    teller.say(peer, None)
    teller.say(peer, "Averylongwordwithoutanyspace" * 8)
    recount(conversation)
    return conversation


def _group(x_account: XAccount, us: XUser, them: XUser, people: list[XUser], now: datetime) -> Conversation:
    conversation = factories.ConversationFactory(
        x_account=x_account, peer=None, is_group=True, dm_conversation_id=str(snowflake_floor(now - timedelta(days=3)))
    )
    teller = Teller(conversation, now - timedelta(days=3))
    teller.move("ParticipantsJoin", people[:4], by=us)
    teller.say(people[0], "Hello everybody, thanks for having us.")
    teller.say(people[1], "Hi! Where do we meet?")
    teller.say(us, "In the studio, Friday at four.")
    teller.move("ParticipantsLeave", [people[1]])
    teller.wait(hours=30)
    teller.move("ParticipantsJoin", [people[1], them], by=people[0])
    teller.say(them, "We bring cinnamon buns.")
    for person in people:
        teller.say(
            person, "See you there 🎉" if person.pk % 2 else "I will be late by ten minutes, please begin without me."
        )
    people[5].unavailable_since, people[5].unavailable_reason = now, "User has been suspended."
    people[5].save()
    recount(conversation)
    for person in [us, them, *people]:
        factories.ParticipantFactory(
            conversation=conversation, x_user=person, is_present=person != people[4], last_message_at=teller.now
        )
    return conversation


def _long(x_account: XAccount, us: XUser, peer: XUser, now: datetime, count: int = 240) -> Conversation:
    conversation = factories.ConversationFactory(x_account=x_account, peer=peer)
    factories.ParticipantFactory(conversation=conversation, x_user=peer)
    begin = now - timedelta(days=10)
    rows = []
    for n in range(count):
        at = begin + timedelta(hours=n)
        rows.append(
            DmEvent(
                conversation=conversation,
                dm_event_id=snowflake_floor(at),
                created_at=at,
                sender=us if n % 5 == 4 else peer,
                event_type="MessageCreate",
                text=f"Message number {n}: the lamp in room {n % 9} flickers again.",
                raw={},
            )
        )
    DmEvent.objects.bulk_create(rows)
    recount(conversation)
    return conversation


# --- Files, pictures and posts ----------------------------------------------------------------------------------------


def file(name: str, source: Path | None = None, *, state: str = "stored", content_type: str = "") -> MediaFile:
    path = ""
    if source:
        path = f"{name}{source.suffix}"
        Path(settings.MEDIA_ROOT).mkdir(parents=True, exist_ok=True)
        if source != Path(settings.MEDIA_ROOT) / path:
            shutil.copyfile(source, Path(settings.MEDIA_ROOT) / path)
    return MediaFile.objects.create(
        source_url=f"https://pbs.twimg.com/{name}",
        source_hash=name,
        state=state,
        path=path,
        content_type=content_type,
        size=source.stat().st_size if source else None,
        stored_at=datetime.now(UTC) if source else None,
    )


def photo_file(name: str, width: int, height: int) -> MediaFile:
    image = Image.new("RGB", (width, height), "#20303a")
    draw = ImageDraw.Draw(image)
    draw.ellipse([width * 0.3, height * 0.15, width * 0.7, height * 0.55], fill="#f3d08a")
    draw.rectangle([width * 0.48, height * 0.55, width * 0.52, height * 0.9], fill="#7d8b93")
    source = Path(settings.MEDIA_ROOT) / f"{name}.jpg"
    source.parent.mkdir(parents=True, exist_ok=True)
    image.save(source)
    return file(name, source, content_type="image/jpeg")


def photo(media_key: str, width: int, height: int, alt_text: str = "") -> Media:
    return Media.objects.create(
        media_key=media_key,
        type="photo",
        width=width,
        height=height,
        alt_text=alt_text,
        file=photo_file(f"photo-{media_key}", width, height),
    )


def clip(media_key: str, kind: str, name: str, width: int, height: int) -> Media:
    return Media.objects.create(
        media_key=media_key,
        type=kind,
        width=width,
        height=height,
        duration_ms=2000,
        file=file(f"clip-{media_key}", FILES / f"{name}.mp4", content_type="video/mp4"),
        preview=file(f"poster-{media_key}", FILES / f"{name}-poster.jpg", content_type="image/jpeg"),
    )


def attach(event: DmEvent, media: Media) -> None:
    EventMedia.objects.create(event=event, media=media)
    DmEvent.objects.filter(pk=event.pk).update(has_media=True)


def share(event: DmEvent, post: Post) -> None:
    EventPost.objects.create(event=event, post=post)
    DmEvent.objects.filter(pk=event.pk).update(has_post=True)


def post_with_everything(people: list[XUser]) -> Post:
    quoted = Post.objects.create(
        id=7002,
        author=people[3],
        text="灯りは部屋の心です。",
        state="complete",
        created_at=datetime(2026, 10, 1, 8, tzinfo=UTC),
    )
    post = Post.objects.create(
        id=7001,
        author=people[6],
        text="Which shade shall we make next? &amp; why",
        state="complete",
        quoted=quoted,
        created_at=datetime(2026, 11, 1, 8, tzinfo=UTC),
        poll=POLL | {"id": "1"},
    )
    PostMedia.objects.create(post=post, media=photo("3_9", 1200, 675, "Three lamp shades in a row"))
    return post


def link_cards(filled: Rich) -> None:
    """A message and a post with a card of the page they link to: with a small picture, and with a wide one."""
    event = filled.everything.events.get(text__startswith="Of course! See")
    for name, size, where in (("large", (1200, 630), {"post_id": 7001}), ("small", (150, 150), {"event": event})):
        file = photo_file(f"page-{name}", *size)
        MediaFile.objects.filter(pk=file.pk).update(source_url=_news(name), width=size[0], height=size[1])
        LinkPicture.objects.create(file=file, **where)
    Post.objects.filter(pk=7001).update(entities=_linked("large", "Winter catalogue"))
    DmEvent.objects.filter(pk=event.pk).update(entities=_linked("small", "قائمة الشتاء"))


def _linked(name: str, title: str) -> dict[str, list[dict[str, object]]]:
    url = {
        "url": "https://t.co/shop000001",
        "expanded_url": "https://nordlicht.example/winter",
        "title": title,
        "description": "Lamps for long nights, and what to do about a dimmer that hums.",
        "images": [{"url": _news(name), "width": 1200, "height": 630}],
    }
    return {"urls": [url]}


def _news(name: str) -> str:
    return f"https://pbs.twimg.com/news_img/{name}"


# --- An X account's day -----------------------------------------------------------------------------------------------


def day(x_account: XAccount, now: datetime) -> None:
    """The last 24 hours of its reading: many calls, some failed, one stretch gaps."""
    calls = [
        ApiCall(
            x_account=x_account,
            endpoint="GET /2/dm_events" if minutes % 30 else "GET /2/tweets",
            status=200 if minutes > 40 else 503,
            at=now - timedelta(minutes=minutes),
            dm_events=minutes % 7,
            usd=Decimal(minutes % 7) / 100,
        )
        for minutes in range(0, 24 * 60, 3)
    ]
    ApiCall.objects.bulk_create(calls)
    SpendDay.objects.create(x_account=x_account, day=now.date(), usd=Decimal("4.35"))
    high, low = (snowflake_floor(now - timedelta(hours=hours)) for hours in (1, 6))
    ReadInterval.objects.create(x_account=x_account, low_id=low, high_id=high, next_token="on")


def push(x_account: XAccount, now: datetime) -> None:
    PushState.objects.create(pk=1, state="connected", last_line_at=now, lease_until=now + timedelta(hours=1))
    for kind, state in (("dm.received", "active"), ("dm.read", "over_cap")):
        ActivitySubscription.objects.create(x_account=x_account, event_type=kind, state=state)
    resets = now + timedelta(minutes=8)
    RateWindow.objects.create(
        x_account=x_account, endpoint="GET /2/dm_events", limit=15, remaining=9, reset_at=resets, resets=resets
    )
