"""Whom the inbox's filter for a person means: by id, handle or a part of the name, as searches take names too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.urls import reverse

from accounts.models import XAccount
from conversations.filters import Wanted, query_of
from conversations.models import XUser
from conversations.search import names
from conversations.showing.names import Guess, name_of

OFFERED = 10


@dataclass(frozen=True, slots=True)
class Whom:
    """wanted: the filters with the people found; a name of one alone has become their X user id, which stays theirs.

    typed: how the box shows it. choices: who may be meant of several, or is alike where it is nobody; `more` is how
    many of them are not offered. only: so many are meant, where still more are called so.
    """

    wanted: Wanted
    typed: str = ""
    people: Sequence[XUser] = ()
    choices: list[Guess] = field(default_factory=list)
    more: int = 0
    only: int | None = None

    @property
    def named(self) -> str:
        return name_of(self.people[0]) if len(self.people) == 1 else self.typed


def whom_of(x_accounts: Sequence[XAccount], wanted: Wanted) -> Whom:
    typed = wanted["person"]
    if not typed:
        return Whom(wanted)
    pks = [row.pk for row in x_accounts]
    people = names.meant(typed, pks)
    if len(people) == 1:
        [person] = people
        meant = wanted | {"person": str(person.pk), "person_ids": [person.pk]}
        return Whom(meant, f"@{person.username}" if person.username else typed, people)
    offered = people or names.alike(typed, pks)
    choices = [
        Guess(person, f"{reverse('inbox')}?{query_of(wanted, person=person.pk)}") for person in offered[:OFFERED]
    ]
    meant = wanted | {"person_ids": [person.pk for person in people]}
    only = names.MOST if len(people) >= names.MOST else None
    return Whom(meant, typed, people, choices, len(offered[OFFERED:]), only)
