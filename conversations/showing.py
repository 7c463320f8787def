"""How rows are put into words and sizes for pages: names, titles, previews, prices. Pure: no queries of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone

from conversations import moves, text
from conversations.models import Conversation, DmEvent, Media, MediaFile, Participant, XUser
from conversations.querysets import NAMED
from conversations.sync import estimates

LOCKED = "Goes on in encrypted XChat"
COLOURS = 6
FEW = 4
PREVIEW_LENGTH = 120
MEDIA_WORDS = {"photo": "📷 Photo", "video": "🎬 Video", "animated_gif": "GIF"}


# --- People -----------------------------------------------------------------------------------------------------------


def name_of(person: XUser | None) -> str:
    if person is None:
        return "Somebody"
    return person.name or handle_of(person)


def handle_of(person: XUser) -> str:
    return f"@{person.username}" if person.username else f"id {person.pk}"


def initial_of(person: XUser | None) -> str:
    letters = (person.name or person.username).strip() if person else ""
    return letters[:1].upper() or "?"


def colour_of(person: XUser | None) -> int:
    return person.pk % COLOURS if person else 0


def listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def listed_few(names: Sequence[str]) -> str:
    """Ben, Cleo and 4 others: a line has no room for more."""
    return listed(names if len(names) <= FEW else [*names[: FEW - 2], f"{len(names) - FEW + 2} others"])


# --- Conversations ----------------------------------------------------------------------------------------------------


def title_of(conversation: Conversation) -> str:
    """The peer, or who X has shown us of a group; `named` stands on rows that came by with_rows_of_inbox."""
    if conversation.is_group:
        return _group_title(conversation)
    peer = conversation.peer
    if peer is None:
        return conversation.dm_conversation_id
    return f"{name_of(peer)} (to itself)" if peer.pk == conversation.x_account.x_user_id else name_of(peer)


def others_named(conversation: Conversation, people: Sequence[Participant]) -> list[Participant]:
    """`named` made of all the people of a conversation, in the order they come."""
    others = [row for row in people if row.x_user_id != conversation.x_account.x_user_id]
    for row in others:
        row.people = sum(each.is_present == row.is_present for each in others)  # type: ignore[attr-defined]
    return others[:NAMED]


def _group_title(conversation: Conversation) -> str:
    named: list[Any] = getattr(conversation, "named", [])
    shown = [row for row in named if row.is_present] or named
    if not shown:
        return "Group"
    names = [name_of(row.x_user) for row in shown]
    unnamed = shown[0].people - len(names)
    return listed([*names[:-1], f"{unnamed + 1} others"] if unnamed else names)


def people_of(conversation: Conversation) -> list[XUser]:
    """Whose avatars stand beside the title: one, or two of a group."""
    if conversation.is_group:
        return [row.x_user for row in getattr(conversation, "named", [])][:2]
    return [conversation.peer] if conversation.peer else []


def preview_of(event: DmEvent | None, conversation: Conversation) -> str:
    """One line on an event, for the inbox."""
    if ends_in_chat(conversation):
        return LOCKED
    if event is None:
        return "Nothing read yet"
    if event.event_type == DmEvent.Type.MESSAGE_CREATE:
        return _speaker(event, conversation) + _contents(event)
    return happening(event)


def happening(event: DmEvent) -> str:
    """Who came, came back or went, in one sentence; kinds we do not know are named by X's word."""
    if event.event_type not in (DmEvent.Type.PARTICIPANTS_JOIN, DmEvent.Type.PARTICIPANTS_LEAVE):
        return f"{event.event_type}: an event dminbox does not know yet"
    by = name_of(event.sender) if event.sender else ""
    named = [
        (kind, listed_few([name_of(row.x_user) for row in rows]) or "Somebody") for kind, rows in moves.kinds_of(event)
    ]
    return moves.of_both(named[0][1], named[1][1], by) if len(named) > 1 else moves.sentence(*named[0], by)


def typing_of(conversation: Conversation, people: Sequence[Participant] | None = None) -> str:
    """Who is typing just now, as far as X has pushed it; "" when nobody is."""
    now = timezone.now()
    rows: Sequence[Participant] = getattr(conversation, "named", []) if people is None else people
    others = [row for row in rows if row.x_user_id != conversation.x_account.x_user_id]
    names = [name_of(row.x_user) for row in others if row.typing_until and row.typing_until > now]
    if not names:
        return ""
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} typing…" if conversation.is_group else "typing…"


def ends_in_chat(conversation: Conversation) -> bool:
    """Whether the newest there is of it is encrypted."""
    last, locked = conversation.last_event, conversation.last_encrypted_at
    return locked is not None and (last is None or last.created_at < locked)


def _speaker(event: DmEvent, conversation: Conversation) -> str:
    if event.sender_id == conversation.x_account.x_user_id:
        return "You: "
    return f"{name_of(event.sender)}: " if conversation.is_group else ""


def _contents(event: DmEvent) -> str:
    media = [row.media for row in event.media_shown]
    posts = [row.post_id for row in event.posts_shown]
    words = text.preview(event.text, event.entities, PREVIEW_LENGTH, has_media=bool(media), card_post_ids=posts)
    signs = signs_of(event)
    if words and signs:
        return f"{signs.split()[0]} {words}"
    return words or signs or "A message without text"


def signs_of(event: DmEvent) -> str:
    """What stands beside the text: a photo, a film, a post; "" when nothing does."""
    media = [row.media for row in event.media_shown]
    if media:
        return MEDIA_WORDS.get(media[0].type, "📎 File")
    return "💬 Post" if event.posts_shown else ""


# --- Pictures ---------------------------------------------------------------------------------------------------------

PICTURE_BOX = (360, 320)
FALLBACK_SIZE = (320, 240)


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo, video or GIF with the size it takes on the page, so that nothing jumps when it arrives."""

    media: Media
    width: int
    height: int

    @property
    def file(self) -> MediaFile | None:
        return self.media.file

    @property
    def preview(self) -> MediaFile | None:
        return stored(self.media.preview)

    @property
    def light(self) -> MediaFile | None:
        """A smaller film beside `shown`."""
        return stored(self.media.light) if stored(self.media.file) else None

    @property
    def shown(self) -> MediaFile | None:
        """The best there is here."""
        return stored(self.media.file) or stored(self.media.light)

    @property
    def is_here(self) -> bool:
        return self.shown is not None

    @property
    def noun(self) -> str:
        return {"photo": "photo", "video": "video", "animated_gif": "GIF"}.get(self.media.type, "file")


def picture_of(media: Media, box: tuple[int, int] = PICTURE_BOX) -> Picture:
    width, height = size_of(media)
    scale = min(1, box[0] / width, box[1] / height)
    return Picture(media, max(1, round(width * scale)), max(1, round(height * scale)))


def size_of(media: Media) -> tuple[int, int]:
    """As X tells it, else as the file itself does (of a film, its first picture)."""
    for told in (media, stored(media.file), stored(media.preview)):
        if told and told.width and told.height:
            return told.width, told.height
    return FALLBACK_SIZE


def stored(file: MediaFile | None) -> MediaFile | None:
    return file if file and file.state == MediaFile.State.STORED else None


# --- Money and time ---------------------------------------------------------------------------------------------------


def usd(amount: Decimal) -> str:
    """$1.00, $0.005: cents, and tenths of a cent where there are any."""
    amount = round(amount, 3)  # SQLite adds up in floating point
    return f"${amount:,.2f}" if amount == round(amount, 2) else f"${amount:,.3f}"


def about_usd(amount: Decimal) -> str:
    """$12, $1.20: what is only "about" has no cents."""
    return f"${amount:,.0f}" if amount >= 10 else f"${amount:,.2f}"


def over_cap(left: Decimal, most: Decimal) -> str:
    """Why a wish is refused, and what to do about it."""
    return (
        f"This month's cap leaves {usd(left)}, and this could cost up to {usd(most)}. It can be asked for in the new "
        "month (UTC), or when somebody raises the cap."
    )


def prices() -> dict[str, str]:
    return {
        "event": usd(settings.PRICE_DM_EVENT_USD),
        "user": usd(settings.PRICE_USER_USD),
        "post": usd(settings.PRICE_POST_USD),
        "page": usd(estimates.page_usd()),
        "thousand": usd(settings.PRICE_DM_EVENT_USD * 1000),
        "page_size": str(estimates.PAGE),
        "ceiling": usd(settings.IMPORT_CEILING_USD),
        "ceiling_pays_for": f"{settings.IMPORT_CEILING_USD / settings.PRICE_DM_EVENT_USD:,.0f}"
        if settings.PRICE_DM_EVENT_USD
        else "",
    }


def short_time(moment: datetime) -> str:
    """14:02 today, 3 Nov this year, 3 Nov 2025 before."""
    local, now = timezone.localtime(moment), timezone.localtime()
    if local.date() == now.date():
        return f"{local:%H:%M}"
    return f"{local.day} {local:%b}" if local.year == now.year else f"{local.day} {local:%b %Y}"


def span_of(span: timedelta) -> str:
    """10 seconds, 5 minutes: as long as a poll waits."""
    seconds = round(span.total_seconds())
    if seconds < 120:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    return f"{round(seconds / 60)} minutes"
