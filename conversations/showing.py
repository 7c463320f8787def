"""How rows are put into words and sizes for pages: names, titles, previews, prices. Pure: no queries of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from conversations import missing, moves, text
from conversations.bidi import apart
from conversations.models import Conversation, DmEvent, Media, MediaFile, Participant, XUser
from conversations.querysets import NAMED
from conversations.sync import estimates
from dminbox import wording
from dminbox.markup import filled
from dminbox.wording import number, usd

LOCKED = gettext_lazy("Goes on in encrypted XChat")
MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Of direction: they stand in titles, and nobody types them."""
COLOURS = 6
FEW = 4
PREVIEW_LENGTH = 120
SIGNS = {"photo": "📷", "video": "🎬", "animated_gif": "", "file": "📎", "post": "💬"}
WORDS = {
    "photo": gettext_lazy("Photo"),
    "video": gettext_lazy("Video"),
    "animated_gif": gettext_lazy("GIF"),
    "file": gettext_lazy("File"),
    "post": gettext_lazy("Post"),
}

VERIFIED = {
    "": gettext_lazy("verified"),
    "none": gettext_lazy("verified"),
    "blue": gettext_lazy("verified by X Premium"),
    "business": gettext_lazy("verified organisation"),
    "government": gettext_lazy("verified government or office"),
}
"""X's verified_type of somebody whom X calls verified."""


# --- People -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Guess:
    """A person who may be meant, and the page that asks for them."""

    person: XUser
    address: str


def name_of(person: XUser | None) -> str:
    if person is None:
        return _("Somebody")
    return person.name or handle_of(person)


def name_amid_words(person: XUser | None) -> str:
    """The same as a part of a sentence, whatever direction it runs in."""
    return apart(name_of(person))


Naming = Callable[[XUser | None], str]
NAME = '<span data-x-user="{}">{}</span>'


def with_names(words: Callable[[Naming], str]) -> SafeString:
    """A sentence in which a script finds each name again, and renews it.

    words: makes the sentence of nothing but the names it is given and words of ours.
    """
    people: list[XUser | None] = []

    def place(person: XUser | None) -> str:
        people.append(person)
        return f"{{{len(people) - 1}}}"

    shape = words(place)
    return filled(shape, *(filled(NAME, each.pk, name_amid_words(each)) if each else name_of(each) for each in people))


def handle_of(person: XUser) -> str:
    return wording.handle(person.username) if person.username else _("id %(number)s") % {"number": person.pk}


def verified_as(person: XUser) -> str:
    """A kind of verification that is new at X is named by X's word."""
    kind = person.verified_type
    return str(VERIFIED[kind]) if kind in VERIFIED else _("verified: %(kind)s") % {"kind": kind}


def initial_of(person: XUser | None) -> str:
    letters = (person.name or person.username).strip() if person else ""
    return letters[:1].upper() or "?"


def colour_of(person: XUser | None) -> int:
    return person.pk % COLOURS if person else 0


def listed(names: Sequence[str]) -> str:
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": comma().join(names[:-1]), "last": names[-1]}


def unlisted(title: str) -> list[str]:
    """The names that `listed` made a title of, or that somebody lists alike; without the count of others at its end."""
    plain = MARKS.sub("", title)
    between = MARKS.sub("", _("%(names)s and %(last)s") % {"names": "\n", "last": "\n"}).split("\n")[1]
    first, _between, last = plain.rpartition(between)
    pieces = [
        piece.strip() for part in (first, last) for piece in re.split(f"[,{MARKS.sub('', comma()).strip()}]", part)
    ]
    return [piece for piece in pieces if piece and not _is_count_of_others(piece)]


def _is_count_of_others(piece: str) -> bool:
    numbers = {1, 2, *map(int, re.findall(r"\d{1,3}", piece))}  # one and two are words in some languages
    return piece in {MARKS.sub("", _others(number)) for number in numbers}


def comma() -> str:
    # Translators: what stands between the names of a list, and between the parts of a line.
    return pgettext("in a list", ", ")


def listed_few(names: Sequence[str]) -> str:
    """Ben, Cleo and 4 others: a line has no room for more."""
    return listed(names if len(names) <= FEW else [*names[: FEW - 2], _others(len(names) - FEW + 2)])


def _others(count: int) -> str:
    return ngettext("%(count)s other", "%(count)s others", count) % {"count": number(count)}


# --- Conversations ----------------------------------------------------------------------------------------------------


def title_of(conversation: Conversation) -> str:
    """The peer, or who X has shown us of a group; `named` stands on rows by `contents.add_names`."""
    if conversation.is_group:
        return _group_title(conversation)
    peer = conversation.peer
    if peer is None:
        return conversation.dm_conversation_id
    if peer.pk == conversation.x_account.x_user_id:
        return _("%(name)s (to itself)") % {"name": name_amid_words(peer)}
    return name_of(peer)


def others_named(conversation: Conversation, people: Sequence[Participant]) -> list[Participant]:
    """`named` made of all the people of a conversation, in the order they come."""
    others = [row for row in people if row.x_user_id != conversation.x_account.x_user_id]
    present = sum(row.is_present for row in others)
    for row in others[:NAMED]:
        row.people = present if row.is_present else len(others) - present  # type: ignore[attr-defined]
    return others[:NAMED]


def _group_title(conversation: Conversation) -> str:
    named: list[Any] = getattr(conversation, "named", [])
    shown = [row for row in named if row.is_present] or named
    if not shown:
        return _("Group")
    names = [name_amid_words(row.x_user) for row in shown]
    unnamed = shown[0].people - len(names)
    return listed([*names[:-1], _others(unnamed + 1)] if unnamed else names)


def people_of(conversation: Conversation) -> list[XUser]:
    """Whose avatars stand beside the title: one, or two of a group."""
    if conversation.is_group:
        return [row.x_user for row in getattr(conversation, "named", [])][:2]
    return [conversation.peer] if conversation.peer else []


def preview_of(event: DmEvent | None, conversation: Conversation) -> str:
    """One line on an event, for the inbox."""
    if ends_in_chat(conversation):
        return str(LOCKED)
    if event is None:
        return _("Nothing read yet")
    if event.event_type == DmEvent.Type.MESSAGE_CREATE:
        return _spoken(event, conversation, _contents(event))
    return happening(event)


def happening(event: DmEvent) -> str:
    """What happened besides messages; kinds we do not know are named by X's word."""
    if event.event_type not in (DmEvent.Type.PARTICIPANTS_JOIN, DmEvent.Type.PARTICIPANTS_LEAVE):
        return _("%(kind)s: an event dminbox does not know yet") % {"kind": event.event_type}
    return moved(event)


def moved(event: DmEvent, name: Naming = name_amid_words) -> str:
    """Who came, came back or went, in one sentence."""
    by = event.sender if event.event_type == DmEvent.Type.PARTICIPANTS_JOIN else None
    return moves.one_after_another(
        [moved_so(kind, [row.x_user for row in rows], by, name) for kind, rows in moves.kinds_of(event)]
    )


def moved_so(kind: str, people: Sequence[XUser], by: XUser | None, name: Naming) -> str:
    """What some people did, in one sentence."""
    names = listed_few([name(person) for person in people]) or _("Somebody")
    return moves.sentence(kind, len(people), names, name(by) if by else "")


def typing_of(conversation: Conversation, people: Sequence[Participant] | None = None) -> str:
    """Who is typing just now, as far as X has pushed it; "" when nobody is."""
    now = timezone.now()
    rows: Sequence[Participant] = getattr(conversation, "named", []) if people is None else people
    others = [row for row in rows if row.x_user_id != conversation.x_account.x_user_id]
    names = [name_amid_words(row.x_user) for row in others if row.typing_until and row.typing_until > now]
    if not names:
        return ""
    if not conversation.is_group:
        return _("typing…")
    words = ngettext("%(people)s is typing…", "%(people)s are typing…", len(names))
    return words % {"people": listed(names)}


def ends_in_chat(conversation: Conversation) -> bool:
    """Whether the newest there is of it is encrypted."""
    last, locked = conversation.last_event, conversation.last_encrypted_at
    return locked is not None and (last is None or last.created_at < locked)


def _spoken(event: DmEvent, conversation: Conversation, words: str) -> str:
    if event.sender_id == conversation.x_account.x_user_id:
        return _("You: %(words)s") % {"words": words}
    if conversation.is_group:
        return _("%(name)s: %(words)s") % {"name": name_amid_words(event.sender), "words": words}
    return words


def _contents(event: DmEvent) -> str:
    media = [row.media for row in event.media_shown]
    posts = [row.post_id for row in event.posts_shown]
    words = text.preview(event.text, event.entities, PREVIEW_LENGTH, has_media=bool(media), card_post_ids=posts)
    kind = _kind_beside(event)
    if words and kind:
        return f"{SIGNS[kind] or WORDS[kind]} {words}"
    return words or signs_of(event) or _("A message without text")


def signs_of(event: DmEvent) -> str:
    """What stands beside the text: a photo, a film, a post; "" when nothing does."""
    kind = _kind_beside(event)
    return f"{SIGNS[kind]} {WORDS[kind]}".strip() if kind else ""


def _kind_beside(event: DmEvent) -> str:
    for row in event.media_shown:
        return row.media.type if row.media.type in SIGNS else "file"
    return "post" if event.posts_shown else ""


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
    def why_missing(self) -> str:
        return missing.why_missing(self.media.type, self.file)

    @property
    def may_be_retried(self) -> bool:
        """By whoever may answer in this X account."""
        return self.file is not None and self.file.state in MediaFile.GIVEN_UP

    @property
    def not_here(self) -> str:
        return missing.not_here(self.media.type)

    @property
    def noun(self) -> str:
        nouns = {"photo": _("photo"), "video": _("video"), "animated_gif": _("GIF")}
        return nouns.get(self.media.type) or _("file")


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


def over_cap(left: Decimal, most: Decimal) -> str:
    """Why a wish is refused, and what to do about it."""
    words = _(
        "This month's cap leaves %(left)s, and this could cost up to %(most)s. It can be asked for in the new "
        "month (UTC), or when somebody raises the cap."
    )
    return words % {"left": usd(left), "most": usd(most)}


def too_many_wishes(most: int) -> str:
    return _("X has not answered %(count)s of your questions yet. Ask again when it has.") % {"count": number(most)}


def prices() -> dict[str, str]:
    return {
        "event": usd(settings.PRICE_DM_EVENT_USD),
        "user": usd(settings.PRICE_USER_USD),
        "post": usd(settings.PRICE_POST_USD),
        "page": usd(estimates.of_pages(1).usd),
        "thousand": usd(settings.PRICE_DM_EVENT_USD * 1000),
        "page_size": number(estimates.PAGE),
        "ceiling": usd(settings.IMPORT_CEILING_USD),
        "ceiling_pays_for": number(settings.IMPORT_CEILING_USD / settings.PRICE_DM_EVENT_USD)
        if settings.PRICE_DM_EVENT_USD
        else "",
    }


def clock(moment: datetime) -> str:
    return wording.clock(timezone.localtime(moment))


def short_time(moment: datetime) -> str:
    """14:02 today, 3 Nov this year, 3 Nov 2025 before."""
    return short_time_of(timezone.localtime(moment))


def short_time_of(local: datetime) -> str:
    """The same of a time that is in the person's zone."""
    now = timezone.now().astimezone(local.tzinfo)
    if local.date() == now.date():
        return wording.clock(local)
    return wording.day(local, "SHORT_DAY_FORMAT" if local.year == now.year else "SHORT_DATE_FORMAT")


def day_over_at() -> datetime:
    """When today ends where the person is: until then times stay as short_time_of tells them."""
    tomorrow = timezone.localdate() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), timezone.get_current_timezone())


def span_of(span: timedelta) -> str:
    """10 seconds, 5 minutes: as long as a poll waits."""
    seconds = round(span.total_seconds())
    if seconds < 120:
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": number(seconds)}
    minutes = round(seconds / 60)
    return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": number(minutes)}
