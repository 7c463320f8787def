"""Whom a typed name means: people in conversations that a person may see, and those whose names are alike.

Everything that is cut short is cut after it was asked who may be seen: nobody's own people are crowded out by others'.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from enum import IntEnum

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from conversations.models import NameGram, XUser
from conversations.querysets import EACH, XUserQuerySet, counts_over
from conversations.search.index import name_words
from conversations.words import Term, Word, bare_of, begin_of, folded_of, grams_of, words_of
from dminbox.postgres.planning import by_its_values

MOST = 50
"""People one name can mean: more are not told apart by it."""
MOST_GRAMS = 24
FEW_GRAMS = 6
"""The rarest of a name lead to few enough."""
TELLING_GRAMS = 8
"""The rarest of a name that somebody has say who is alike."""
COMMON = 1_000
"""People; how many more have a gram is not counted."""
LOOKED_AT = 1_000
"""People with the grams of a name, the newest on X first, that are looked at."""
NEAREST = 100
"""People with the most grams of what was typed; and those that are read at once, the newest on X first."""
ALIKE = 0.3
SUGGESTED = 3


def meant(typed: str, x_accounts: Collection[int]) -> list[XUser]:
    """By X user id or by handle if there is one that is just so; else whoever's name or handle holds what was typed."""
    exact = _named().called(typed).in_conversations_of(x_accounts).order_by("-pk")[:MOST]
    return list(exact) or _holding(typed, x_accounts, MOST)


def holding(typed: str, x_accounts: Collection[int], most: int = MOST) -> list[XUser]:
    """Whoever's name or handle holds what was typed, its words one after the other.

    The nearest to it first, with who has just that handle before all; of those as near, the newest on X first.
    """
    exact = _named().called(typed).in_conversations_of(x_accounts).order_by("-pk")[:most]
    return list(dict.fromkeys([*exact, *_holding(typed, x_accounts, most)]))[:most]


class Nearness(IntEnum):
    """How a name holds what was typed; the smaller, the nearer."""

    IS_IT = 0
    HAS_ITS_WORDS = 1
    BEGINS_SO = 2
    HOLDS_IT = 3


def term_of(typed: str) -> Term:
    return Term(tuple(replace(word, sign="") for word in words_of(bare_of(folded_of(typed)))))


def nearness(term: Term, *called: str) -> Nearness | None:
    """Of the nearest of these names; None when none of them holds it."""
    found = [near for name in called if (near := _nearness(term, words_of(bare_of(folded_of(name))))) is not None]
    return min(found, default=None)


def _nearness(term: Term, name: Sequence[Word]) -> Nearness | None:
    found = [_nearness_at(term, name[first : last + 1]) for first, last in term.places(name)]
    nearest = min(found, default=None)
    is_all = nearest == Nearness.HAS_ITS_WORDS and len(name) == len(term.words)
    return Nearness.IS_IT if is_all else nearest


def _nearness_at(term: Term, words: Sequence[Word]) -> Nearness:
    if [word.typed for word in words] == [word.typed for word in term.words]:
        return Nearness.HAS_ITS_WORDS
    is_begin = words[0].typed.startswith(term.words[0].typed)
    return Nearness.BEGINS_SO if is_begin else Nearness.HOLDS_IT


@by_its_values()  # what all are called is read in the order it is shown, what is rare by the gram
def _holding(typed: str, x_accounts: Collection[int], most: int) -> list[XUser]:
    """The newest who hold it; where more do than are read at once, the nearer ones are looked up on their own."""
    term = term_of(typed)
    if not term.words:
        return []
    anyhow, *nearer = _walks(term.words)
    rows = _with_all(anyhow, x_accounts)
    newest = [row.x_user for row in rows[:NEAREST]]
    found = _nearnesses(term, newest)
    if len(newest) == NEAREST:
        for grams in nearer:
            found |= _nearnesses(term, (row.x_user for row in _with_all(grams, x_accounts)[:NEAREST]))
        if len(found) < most:
            found |= _nearnesses(term, (row.x_user for row in rows[NEAREST:LOOKED_AT]))
    return sorted(found, key=lambda person: (found[person], -person.pk))[:most]


def _walks(words: Sequence[Word]) -> tuple[set[int], ...]:
    """The runs of three characters, ends of words among them, that names have which hold these words anyhow, of which
    the words begin so, and which have just these words.
    """
    *first, last = words
    return _grams_in(words), grams_of(first) | _grams_in([last]) | begin_of(last), grams_of(words)


def _nearnesses(term: Term, people: Iterable[XUser]) -> dict[XUser, Nearness]:
    near = {person: nearness(term, person.name, person.username) for person in people}
    return {person: each for person, each in near.items() if each is not None}


@by_its_values()
def alike(typed: str, x_accounts: Collection[int]) -> list[XUser]:
    """The few whose name or handle looks most like it."""
    wanted = words_of(bare_of(folded_of(typed)))
    telling = [gram for people, gram in _by_rarity(grams_of(wanted)) if people][:TELLING_GRAMS]
    shared = NameGram.objects.filter(gram__in=telling).values("x_user").annotate(shared=Count("gram"))
    # Among conditions on sums, so that it is asked once for each person and not for each of their grams.
    seen = shared.filter(_may_be_seen(x_accounts) | Q(shared=0)).order_by("-shared", "-x_user")
    people = _named().in_bulk([row["x_user"] for row in seen[:NEAREST]]).values()
    scored = [(_likeness(wanted, person), person.pk, person) for person in people]
    return [person for likeness, _, person in sorted(scored, reverse=True) if likeness >= ALIKE][:SUGGESTED]


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


def _with_all(grams: set[int], x_accounts: Collection[int]) -> QuerySet[NameGram]:
    """One row for each person who has the rarest of these, newest on X first: so it is read from an index."""
    rarest, *others = [gram for _, gram in _by_rarity(grams)][:FEW_GRAMS]
    rows = NameGram.objects.filter(gram=rarest)
    for gram in others:
        rows = rows.filter(Exists(NameGram.objects.filter(gram=gram, x_user=OuterRef("x_user"))))
    named = rows.filter(_may_be_seen(x_accounts)).select_related("x_user").only("x_user__name", "x_user__username")
    return named.order_by("-x_user_id")


def _may_be_seen(x_accounts: Collection[int]) -> Exists:
    return Exists(XUser.objects.filter(pk=OuterRef("x_user")).in_conversations_of(x_accounts))


def _by_rarity(grams: set[int]) -> list[tuple[int, int]]:
    """How many people have each, counted up to COMMON, and the gram; the rarest first."""
    some = NameGram.objects.filter(gram=EACH).values("gram")[:COMMON]
    return sorted(counts_over(some, sorted(grams)[:MOST_GRAMS]))


def _named() -> XUserQuerySet:
    return XUser.objects.only("name", "username")
