"""Whom a typed name means: people in conversations that a person may see, and those whose names are alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q

from conversations.models import Conversation, NameGram, Participant, XUser
from conversations.search.index import name_words
from conversations.words import Term, Word, bare_of, folded_of, grams_of, words_of

MOST = 50
"""People one name can mean: more are not told apart by it."""
MOST_GRAMS = 24
LOOKED_AT = 40
ALIKE = 0.3
SUGGESTED = 3


def meant(typed: str, x_accounts: Collection[int]) -> list[XUser]:
    """By handle if there is one that is just so; else whoever's name or handle holds what was typed."""
    handle = typed.removeprefix("@").removeprefix("＠")
    found = list(_visible(XUser.objects.filter(username__iexact=handle), "pk", x_accounts)[:MOST]) if handle else []
    return found or holding(Term(tuple(words_of(bare_of(folded_of(handle))))), x_accounts)


def holding(term: Term, x_accounts: Collection[int], most: int = MOST) -> list[XUser]:
    if not term.words:
        return []
    people = XUser.objects.in_bulk(_with_all(_grams_in(term.words), x_accounts))
    return [person for _, person in sorted(people.items(), reverse=True) if _holds(person, term)][:most]


def alike(typed: str, x_accounts: Collection[int]) -> list[XUser]:
    """The few whose name or handle looks most like it."""
    wanted = words_of(bare_of(folded_of(typed)))
    grams = sorted(grams_of(wanted))[:MOST_GRAMS]
    near = NameGram.objects.filter(gram__in=grams).values("x_user").annotate(shared=Count("gram"))
    near = _visible(near, "x_user", x_accounts).order_by("-shared", "-x_user")
    people = XUser.objects.in_bulk([row["x_user"] for row in near[:LOOKED_AT]])
    scores = {pk: _likeness(wanted, person) for pk, person in people.items()}
    best = sorted((pk for pk in scores if scores[pk] >= ALIKE), key=lambda pk: (-scores[pk], -pk))
    return [people[pk] for pk in best[:SUGGESTED]]


def _likeness(wanted: Sequence[Word], person: XUser) -> float:
    """From 0 to 1, by the word of the name that comes nearest to each one wanted."""
    ours = [grams_of([word]) for word in wanted]
    theirs = [grams_of([word]) for word in name_words(person)]
    best = [max((len(one & other) / len(one | other) for other in theirs), default=0.0) for one in ours]
    return sum(best) / len(best) if best else 0.0


def _grams_in(words: Iterable[Word]) -> set[int]:
    """What the name must hold of each word: it may be a part of one of the name's."""
    grams: set[int] = set()
    for word in words:
        grams |= Term((word,)).tokens if len(word.typed) > 2 and not word.is_character else grams_of([word])
    return grams


def _with_all(grams: set[int], x_accounts: Collection[int]) -> list[int]:
    few = sorted(grams)[:MOST_GRAMS]
    holding_them = NameGram.objects.filter(gram__in=few).values("x_user").annotate(shared=Count("gram"))
    rows = _visible(holding_them.filter(shared=len(few)), "x_user", x_accounts)
    return [row["x_user"] for row in rows.order_by("-x_user")[: 4 * MOST]]


def _holds(person: XUser, term: Term) -> bool:
    names = (words_of(bare_of(folded_of(name))) for name in (person.name, person.username))
    return any(term.places(words) for words in names)


def _visible(people: Any, key: str, x_accounts: Collection[int]) -> Any:
    there = Participant.objects.filter(x_user=OuterRef(key), conversation__x_account__in=x_accounts)
    addressed = Conversation.objects.filter(peer=OuterRef(key), x_account__in=x_accounts)
    return people.filter(Q(Exists(there)) | Q(Exists(addressed)))
