"""Whom a typed name means: people in conversations that a person may see, and those whose names are alike.

Everything that is cut short is cut after it was asked who may be seen: nobody's own people are crowded out by others'.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from conversations.models import NameGram, XUser
from conversations.querysets import EACH, XUserQuerySet, counts_over
from conversations.search.index import name_words
from conversations.words import Term, Word, bare_of, folded_of, grams_of, words_of
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
"""People with the most grams of what was typed."""
ALIKE = 0.3
SUGGESTED = 3


def meant(typed: str, x_accounts: Collection[int]) -> list[XUser]:
    """By X user id or by handle if there is one that is just so; else whoever's name or handle holds what was typed."""
    exact = _named().called(typed).in_conversations_of(x_accounts).order_by("-pk")[:MOST]
    return list(exact) or holding(typed, x_accounts)


@by_its_values()  # what all are called is read in the order it is shown, what is rare by the gram
def holding(typed: str, x_accounts: Collection[int], most: int = MOST) -> list[XUser]:
    """Whoever's name or handle holds what was typed, its words one after the other; the newest on X first."""
    term = Term(tuple(replace(word, sign="") for word in words_of(bare_of(folded_of(typed)))))
    if not term.words:
        return []
    near = _with_all(_grams_in(term.words), x_accounts)
    return list(islice((person for person in _newest(near, most) if _holds(person, term)), most))


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


def _newest(rows: QuerySet[NameGram], most: int) -> Iterator[XUser]:
    """As many as are wanted at first: most often it is those."""
    for start, end in ((0, most), (most, LOOKED_AT)):
        found = list(rows[start:end])
        yield from (row.x_user for row in found)
        if len(found) < end - start:
            return


def _by_rarity(grams: set[int]) -> list[tuple[int, int]]:
    """How many people have each, counted up to COMMON, and the gram; the rarest first."""
    some = NameGram.objects.filter(gram=EACH).values("gram")[:COMMON]
    return sorted(counts_over(some, sorted(grams)[:MOST_GRAMS]))


def _holds(person: XUser, term: Term) -> bool:
    names = (words_of(bare_of(folded_of(name))) for name in (person.name, person.username))
    return any(term.places(words) for words in names)


def _named() -> XUserQuerySet:
    return XUser.objects.only("name", "username")
