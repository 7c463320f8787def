"""Whom a typed name means: people in conversations that a person may see, and those whose names are alike."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from django.db.models import Count, QuerySet

from conversations.models import Conversation, NameGram, Participant, XUser
from conversations.search.index import name_words
from conversations.words import Term, Word, bare_of, folded_of, grams_of, words_of

MOST = 50
"""People one name can mean: more are not told apart by it."""
MOST_GRAMS = 24
LOOKED_AT = 1_000
"""People with the grams of a name, the newest on X first, that are looked at."""
NEAREST = 100
"""People with the most grams of what was typed."""
ALIKE = 0.3
SUGGESTED = 3


def meant(typed: str, x_accounts: Collection[int]) -> list[XUser]:
    """By handle if there is one that is just so; else whoever's name or handle holds what was typed."""
    handle = typed.removeprefix("@").removeprefix("＠")
    exact = XUser.objects.filter(pk__in=_called(handle), username__iexact=handle)
    found = _visible(list(exact), x_accounts)[:MOST]
    return found or held_by_names(handle, x_accounts)


def held_by_names(typed: str, x_accounts: Collection[int], most: int = MOST) -> list[XUser]:
    """Whoever's name or handle holds what was typed."""
    return holding(Term(tuple(words_of(bare_of(folded_of(typed))))), x_accounts, most)


def holding(term: Term, x_accounts: Collection[int], most: int = MOST) -> list[XUser]:
    if not term.words:
        return []
    people = _named().in_bulk(_with_all(_grams_in(term.words)))
    found = [person for _, person in sorted(people.items(), reverse=True) if _holds(person, term)]
    return _visible(found, x_accounts)[:most]


def alike(typed: str, x_accounts: Collection[int]) -> list[XUser]:
    """The few whose name or handle looks most like it."""
    wanted = words_of(bare_of(folded_of(typed)))
    grams = sorted(grams_of(wanted))[:MOST_GRAMS]
    near = NameGram.objects.filter(gram__in=grams).values("x_user").annotate(shared=Count("gram"))
    rows = near.order_by("-shared", "-x_user")[:NEAREST]
    people = _visible(list(_named().in_bulk([row["x_user"] for row in rows]).values()), x_accounts)
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


def _called(handle: str) -> list[int]:
    return _with_all(grams_of(words_of(bare_of(folded_of(handle)))))


def _with_all(grams: set[int]) -> list[int]:
    if not grams:
        return []
    few = sorted(grams)[:MOST_GRAMS]
    holding_them = NameGram.objects.filter(gram__in=few).values("x_user").annotate(shared=Count("gram"))
    return [row["x_user"] for row in holding_them.filter(shared=len(few)).order_by("-x_user")[:LOOKED_AT]]


def _holds(person: XUser, term: Term) -> bool:
    names = (words_of(bare_of(folded_of(name))) for name in (person.name, person.username))
    return any(term.places(words) for words in names)


def _named() -> QuerySet[XUser]:
    return XUser.objects.only("name", "username")


def _visible(people: Sequence[XUser], x_accounts: Collection[int]) -> list[XUser]:
    """Those who stand in a conversation of these X accounts; in the order they came."""
    pks = [person.pk for person in people]
    if not pks:
        return []
    there = Participant.objects.filter(x_user__in=pks, conversation__x_account__in=x_accounts)
    addressed = Conversation.objects.filter(peer__in=pks, x_account__in=x_accounts)
    seen = {*there.values_list("x_user", flat=True), *addressed.values_list("peer", flat=True)}
    return [person for person in people if person.pk in seen]
