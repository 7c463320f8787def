"""The answer to a search: what is wanted -> messages a person may see, newest first, a page at a time.

The index leads to messages that may be meant; each is read, and decided upon by its own words and by who may see it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise, zip_longest

from django.db.models import Prefetch, prefetch_related_objects
from django.utils.functional import Promise
from django.utils.translation import gettext

from accounts.access import TOKENS_OF_JOINED, Person, x_accounts_of
from accounts.models import XAccount
from conversations.models import Conversation, DmEvent, Participant, XUser
from conversations.search import candidates, names
from conversations.search.candidates import Spec
from conversations.search.index import carried_by
from conversations.search.query import MOST_NAMES, Asked
from conversations.search.texts import beside, said_in
from conversations.showing.names import unlisted
from conversations.text import Marks
from conversations.words import Term, Word, drawn_as_one, facet, words_of
from dminbox.wording import number

PAGE = 20
MOST_LOOKED_AT = 600
"""Messages that are read for one page; where more would be needed, the page says so and one goes on from there."""
SECONDS = 2.0
"""Spent at most on comparing the messages of one page, from the first on: they may be long ones."""
MOST_TOKENS = 64
"""Words of the index that are looked for: so many narrow any search down. Which of them is left to chance."""
CHUNK = 30
"""Read at once: a page, and some that only look like what is wanted."""
LARGER_CHUNK = 190
BEFORE_MARK = 60
SNIPPET = 220
MOST_CONVERSATIONS = 200
"""That one search looks in by their ids; where a name means more of them, the page says so."""
PEOPLE = 5
MOST_BESIDE = 3
"""Texts beside the message that one hit shows."""


@dataclass(frozen=True, slots=True)
class Part:
    text: str
    is_mark: bool = False


@dataclass(slots=True)
class Hit:
    """One message. `conversation` has what its title needs; `beside`: what was found in what is shown with it."""

    position: int
    event: DmEvent
    parts: list[Part]
    beside: list[tuple[str | Promise, list[Part]]] = field(default_factory=list)
    conversation: Conversation | None = None


@dataclass(slots=True)
class Found:
    """below: where the next page begins, None at the end. is_cut: it ended before it was full, to go on from there."""

    hits: list[Hit] = field(default_factory=list)
    below: int | None = None
    is_cut: bool = False


@dataclass(slots=True)
class Wanted:
    """What was asked with the names found. means: whom each name was taken for; unknown: names that mean nobody, each
    with people who are alike."""

    asked: Asked
    spec: Spec
    senders: frozenset[int] | None = None
    conversations: frozenset[int] | None = None
    x_accounts: frozenset[int] = frozenset()
    means: list[tuple[str, list[XUser]]] = field(default_factory=list)
    unknown: list[tuple[str, list[XUser]]] = field(default_factory=list)


def find(user: Person, wanted: Wanted, below: int | None = None) -> Found:
    found, ends = Found(), 0.0
    spec = wanted.spec if below is None else replace(wanted.spec, high=min(below, wanted.spec.high))
    for looked_at, (position, hit) in enumerate(_decided(user, wanted, spec), start=1):
        ends = ends or time.monotonic() + SECONDS
        found.hits += [hit] if hit else []
        if len(found.hits) > PAGE:
            del found.hits[PAGE:]
            found.below = found.hits[-1].position
            break
        if looked_at >= MOST_LOOKED_AT or time.monotonic() >= ends:
            found.below, found.is_cut = position, True
            break
    _name_conversations(found.hits)
    return found


def _chunks(spec: Spec) -> Iterator[candidates.Rows]:
    """A page at first; where much only looks like it, more at a time."""
    is_end, size = False, CHUNK
    while not is_end:
        rows, is_end = candidates.newest(spec, enough=CHUNK)
        if rows:
            spec = replace(spec, high=rows[-1][0])
        while rows:
            chunk, rows = rows[:size], rows[size:]
            yield chunk
            size = LARGER_CHUNK


# --- What is wanted ---------------------------------------------------------------------------------------------------


def resolve(user: Person, asked: Asked) -> Wanted:
    mine = list(x_accounts_of(user).order_by("pk"))
    pks = tuple(row.pk for row in mine)
    wanted = Wanted(asked, Spec(pks, is_everywhere=len(mine) == XAccount.objects.count()))
    groups: list[frozenset[int]] = []
    if asked.people:
        wanted.senders = _senders(wanted, mine)
        groups.append(frozenset(facet("from", pk) for pk in wanted.senders))
    if asked.places:
        wanted.x_accounts, wanted.conversations = _places(wanted, mine)
        in_accounts = {facet("account", pk) for pk in wanted.x_accounts}
        groups.append(frozenset(in_accounts | {facet("in", pk) for pk in wanted.conversations}))
    tokens = {token for term in asked.terms for token in term.tokens} | {facet("has", kind) for kind in asked.kinds}
    wanted.spec = replace(
        wanted.spec,
        all_of=frozenset(sorted(tokens)[:MOST_TOKENS]),
        any_of=tuple(groups),
        low=asked.low or 0,
        high=candidates.TOP if asked.high is None else asked.high,
    )
    return wanted


def _senders(wanted: Wanted, mine: Sequence[XAccount]) -> frozenset[int]:
    found: set[int] = set()
    for typed in wanted.asked.people:
        ours = {row.x_user_id for row in mine if typed.lower() == "us" or _is_handle(typed, row)}
        found |= ours or {person.pk for person in _people(wanted, typed)}
    return frozenset(found)


def _places(wanted: Wanted, mine: Sequence[XAccount]) -> tuple[frozenset[int], frozenset[int]]:
    """X accounts, and conversations: by X's id of it, by whoever is in it, or by the title of a group."""
    x_accounts: set[int] = set()
    conversations: set[int] = set()
    visible = Conversation.objects.filter(x_account__in=wanted.spec.x_accounts)
    for typed in wanted.asked.places:
        if ours := {row.pk for row in mine if _is_handle(typed, row)}:
            x_accounts |= ours
        elif by_id := set(visible.filter(dm_conversation_id=typed).values_list("pk", flat=True)):
            conversations |= by_id
        else:
            ours, theirs = _of_people(wanted, mine, [_people(wanted, name) for name in _names_in(wanted, typed)])
            x_accounts |= ours
            conversations |= _newest_of(wanted, typed, theirs)
    return frozenset(x_accounts), frozenset(conversations)


def _names_in(wanted: Wanted, typed: str) -> list[str]:
    """The names a group's title is made of; else, and where no title names so many, one name."""
    pieces = unlisted(typed)
    is_list = 2 <= len(pieces) <= MOST_NAMES and not names.meant(typed, wanted.spec.x_accounts)
    return pieces if is_list else [typed]


def _of_people(
    wanted: Wanted, mine: Sequence[XAccount], together: Sequence[Collection[XUser]]
) -> tuple[set[int], set[int]]:
    """Our X accounts among them, and the conversations in which somebody of each of these stands."""
    if len(together) > 1:
        return set(), set.intersection(*(_talks_with(wanted, [row.pk for row in people]) for people in together))
    own = {row.x_user_id: row.pk for row in mine}
    people = [row.pk for group in together for row in group]
    ours = {own[pk] for pk in people if pk in own}
    return ours, _talks_with(wanted, [pk for pk in people if pk not in own])


def _talks_with(wanted: Wanted, people: Collection[int]) -> set[int]:
    if not people:
        return set()
    seen = wanted.spec.x_accounts
    there = Participant.objects.filter(x_user__in=people, conversation__x_account__in=seen)
    addressed = Conversation.objects.filter(peer__in=people, x_account__in=seen)
    found = there.values_list("conversation", flat=True).union(addressed.values_list("pk", flat=True))
    return set(found)


def _newest_of(wanted: Wanted, typed: str, conversations: set[int]) -> set[int]:
    """No more of them than are looked through; where there are more, that is said."""
    if len(conversations) <= MOST_CONVERSATIONS:
        return conversations
    words = gettext(
        "“%(typed)s” matches %(all)s conversations; the newest %(count)s are searched. A longer name narrows it down."
    )
    counts = {"all": number(len(conversations)), "count": number(MOST_CONVERSATIONS)}
    wanted.asked.notes.append(words % {"typed": f"in:{typed}", **counts})
    newest = Conversation.objects.filter(pk__in=conversations).newest_first()
    return set(newest.values_list("pk", flat=True)[:MOST_CONVERSATIONS])


def _people(wanted: Wanted, typed: str) -> list[XUser]:
    """Whom a name means; either way it is noted what became of it."""
    people = names.meant(typed, wanted.spec.x_accounts)
    if people:
        wanted.means.append((typed, people))
    else:
        wanted.unknown.append((typed, names.alike(typed, wanted.spec.x_accounts)))
    if len(people) >= names.MOST:
        words = gettext("“%(typed)s” matches a great many people; the %(count)s newest on X are searched.")
        wanted.asked.notes.append(words % {"typed": typed, "count": number(names.MOST)})
    return people


def _is_handle(typed: str, x_account: XAccount) -> bool:
    return typed.removeprefix("@").casefold() == x_account.username.casefold()


# --- Whether it is meant ----------------------------------------------------------------------------------------------


def _decided(user: Person, wanted: Wanted, spec: Spec) -> Iterator[tuple[int, Hit | None]]:
    """Each message that may be meant, by its position."""
    for rows in _chunks(spec):
        events = {event.pk: event for event in _readable(user, [pk for _, pk in rows])}
        for position, pk in rows:
            yield position, _hit_if_meant(wanted, position, events[pk]) if pk in events else None


def _readable(user: Person, pks: Iterable[int]) -> Iterable[DmEvent]:
    events = DmEvent.objects.visible_to(user).messages().filter(pk__in=list(pks)).with_attachments()
    return events.select_related("conversation", "sender__avatar").defer("raw", "sender__raw")


def _hit_if_meant(wanted: Wanted, position: int, event: DmEvent) -> Hit | None:
    """The message as it is shown; None when it is not what is wanted."""
    asked, said = wanted.asked, said_in(event)
    if not (_is_between(asked, event) and _is_placed(wanted, event) and carried_by(event, said) >= set(asked.kinds)):
        return None
    others = beside(event) if asked.terms or asked.without else []
    texts = [said.text, *(other.text for other in others)]
    words = [words_of(each) for each in texts]
    if any(term.places(each) for term in asked.without for each in words):
        return None
    if not all(any(term.places(each) for each in words) for term in asked.terms):
        return None
    marks = [[place for term in asked.terms for place in term.places(each)] for each in words]
    own, *shown = (snippet(*each) for each in zip(texts, words, marks, strict=True))
    found = [(other.label, parts) for other, parts, places in zip(others, shown, marks[1:], strict=True) if places]
    return Hit(position, event, own, found[:MOST_BESIDE])


def _is_between(asked: Asked, event: DmEvent) -> bool:
    is_late_enough = asked.low is None or event.dm_event_id >= asked.low
    return is_late_enough and (asked.high is None or event.dm_event_id < asked.high)


def _is_placed(wanted: Wanted, event: DmEvent) -> bool:
    is_by = wanted.senders is None or event.sender_id in wanted.senders
    is_in = wanted.conversations is None or (
        event.conversation_id in wanted.conversations or event.conversation.x_account_id in wanted.x_accounts
    )
    return is_by and is_in


# --- How it is shown --------------------------------------------------------------------------------------------------


def snippet(text: str, words: Sequence[Word], places: Iterable[tuple[int, int]]) -> list[Part]:
    """The stretch around the first mark, with all marks in it; line ends become spaces."""
    marks = _marks(text, words, places)
    start = _beginning(text, words, marks)
    end = _end(text, words, start, marks)
    parts = [Part("…")] if start else []
    position = start
    for mark_start, mark_end in marks:
        if mark_start >= end:
            break
        parts += [Part(text[position:mark_start]), Part(text[mark_start : min(mark_end, end)], is_mark=True)]
        position = min(mark_end, end)
    parts += [Part(text[position:end]), Part("…" if end < len(text) else "")]
    return [replace(part, text=" ".join(part.text.splitlines())) for part in parts if part.text]


def marks_of(terms: Sequence[Term]) -> Marks | None:
    """Where these stand in a text, as a hit marks them; None where there are none."""

    def found_in(text: str) -> list[tuple[int, int]]:
        words = words_of(text)
        return _marks(text, words, [place for term in terms for place in term.places(words)])

    return found_in if terms else None


def _marks(text: str, words: Sequence[Word], places: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    return _merged((_start_of(words[first]), words[last].end) for first, last in _whole(text, words, places))


def _whole(text: str, words: Sequence[Word], places: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """With the rest of a picture that begins or ends them; each is looked at once, though a text be nothing else."""
    after = 0
    for first, last in sorted(places):
        if last < after:
            continue
        while first > after and drawn_as_one(text, words[first - 1], words[first]):
            first -= 1
        while last + 1 < len(words) and drawn_as_one(text, words[last], words[last + 1]):
            last += 1
        yield first, last
        after = last + 1


def _merged(marks: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(marks):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _beginning(text: str, words: Sequence[Word], marks: Sequence[tuple[int, int]]) -> int:
    """A little before the first mark, where a word begins; 0 when all before it fits."""
    first = marks[0][0] if marks else 0
    if first <= BEFORE_MARK or len(text) <= SNIPPET:
        return 0
    near = (
        _start_of(word)
        for before, word in pairwise(words)
        if first - BEFORE_MARK <= _start_of(word) <= first and not drawn_as_one(text, before, word)
    )
    return next(near, first)


def _start_of(word: Word) -> int:
    return word.start - len(word.sign)


def _end(text: str, words: Sequence[Word], start: int, marks: Sequence[tuple[int, int]]) -> int:
    limit = start + SNIPPET
    if len(text) <= limit:
        return len(text)
    whole = (
        word.end
        for word, after in zip_longest(words, words[1:])
        if start < word.end <= limit and not (after and drawn_as_one(text, word, after))
    )
    return max(whole, default=limit)


def _name_conversations(hits: Sequence[Hit]) -> None:
    """Each hit's conversation with its X account and with who is in it."""
    rows = Conversation.objects.select_related("x_account", "peer").defer(*TOKENS_OF_JOINED, "peer__raw")
    found = rows.in_bulk({hit.event.conversation_id for hit in hits})
    groups = [row for row in found.values() if row.is_group]
    prefetch_related_objects(groups, Prefetch("participants", Participant.objects.naming(), to_attr="named"))
    for hit in hits:
        hit.conversation = found[hit.event.conversation_id]


def people_for(wanted: Wanted) -> list[XUser]:
    """People whose names hold all the words, when words are all that was asked."""
    words = _only_words(wanted)
    return names.holding(words, wanted.spec.x_accounts, most=PEOPLE) if words else []


def people_like(wanted: Wanted) -> list[XUser]:
    """For a search that found nothing: people whose names look like its words."""
    words = _only_words(wanted)
    return names.alike(words, wanted.spec.x_accounts) if words else []


def _only_words(wanted: Wanted) -> str:
    asked = wanted.asked
    if asked.people or asked.places or asked.kinds:
        return ""
    return " ".join(word.typed for term in asked.terms for word in term.words)
