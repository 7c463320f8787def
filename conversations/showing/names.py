"""How rows are put into words and sizes for pages: names, titles, previews, prices. Pure: no queries of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from conversations import text
from conversations.models import Conversation, DmEvent, Participant, XUser
from conversations.querysets import NAMED
from conversations.showing import comings_and_goings
from conversations.showing.bidi import apart
from dminbox import wording
from dminbox.markup import filled
from dminbox.wording import number

LOCKED = gettext_lazy("Now in encrypted XChat")
MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Of direction: they stand in titles, and nobody types them."""
COLOURS = 6
FEW = 4
WORDS_OF_USERNAME = re.compile("(?<=[a-z0-9_])[A-Z]|(?<=_)[^_]|(?<=[A-Za-z])[0-9]")
ALIKE = 4
"""Letters at the beginning of usernames: beyond them a row has little room."""
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
    return wording.handle(person.username) if person.username else _("ID %(number)s") % {"number": person.pk}


def short_usernames(usernames: Sequence[str]) -> dict[str, str]:
    """What tells each apart in little room: `…Help` for NordlichtHelp beside NordlichtStudio; "" where it begins so."""
    ends = {each: _own_end(each, usernames) for each in usernames}
    times = Counter(ends.values())  # two brands may have a …Help each
    return {each: end and f"{each[:2] if times[end] > 1 else ''}…{end}" for each, end in ends.items()}


def _own_end(username: str, usernames: Sequence[str]) -> str:
    """From its last word that begins in what another username shares; "" where it can stand whole."""
    others = [each for each in usernames if each != username]
    alike = max((len(commonprefix([username.lower(), each.lower()])) for each in others), default=0)
    if alike <= ALIKE:
        return ""
    words = [found.start() for found in WORDS_OF_USERNAME.finditer(username) if alike - ALIKE <= found.start() <= alike]
    if alike == len(username) and not words:
        return ""  # one word, with which another begins
    return username[max(words, default=alike - 2) :]


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
        return _("%(name)s (self)") % {"name": name_amid_words(peer)}
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
        return _("Not loaded yet")
    if event.event_type == DmEvent.Type.MESSAGE_CREATE:
        return _spoken(event, conversation, _contents(event))
    return happening(event)


def happening(event: DmEvent) -> str:
    """What happened besides messages; kinds we do not know are named by X's word."""
    if event.event_type not in (DmEvent.Type.PARTICIPANTS_JOIN, DmEvent.Type.PARTICIPANTS_LEAVE):
        return _("%(kind)s: an event type dminbox does not know yet") % {"kind": event.event_type}
    return moved(event)


def moved(event: DmEvent, name: Naming = name_amid_words) -> str:
    """Who came, came back or went, in one sentence."""
    by = event.sender if event.event_type == DmEvent.Type.PARTICIPANTS_JOIN else None
    return comings_and_goings.one_after_another(
        [moved_so(kind, [row.x_user for row in rows], by, name) for kind, rows in comings_and_goings.kinds_of(event)]
    )


def moved_so(kind: str, people: Sequence[XUser], by: XUser | None, name: Naming) -> str:
    """What some people did, in one sentence."""
    names = listed_few([name(person) for person in people]) or _("Somebody")
    return comings_and_goings.sentence(kind, len(people), names, name(by) if by else "")


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
    return words or signs_of(event) or _("Message without text")


def signs_of(event: DmEvent) -> str:
    """What stands beside the text: a photo, a film, a post; "" when nothing does."""
    kind = _kind_beside(event)
    return f"{SIGNS[kind]} {WORDS[kind]}".strip() if kind else ""


def _kind_beside(event: DmEvent) -> str:
    for row in event.media_shown:
        return row.media.type if row.media.type in SIGNS else "file"
    return "post" if event.posts_shown else ""
