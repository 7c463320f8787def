"""What the tests of searching share: messages that are indexed, and a plain scan to hold the index against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

import pytest
from django.db import transaction

from accounts.models import XAccount
from conversations.models import DmEvent, SearchState
from conversations.search import candidates, finding, index, query
from conversations.words import words_of
from tests import factories

SMALL_STEPS = {
    candidates: {
        "FIRST_WALK": 2,
        "LONGEST_WALK": 4,
        "FEWEST_PER_ACCOUNT": 1,
        "ENOUGH_TO_GO_ON": 1,
        "AT_ONCE": 2,
        "MANY": 1,
    },
    finding: {"CHUNK": 2, "LARGER_CHUNK": 3, "PAGE": 4},
}


def say(conversation, *texts: str, **fields) -> list[DmEvent]:
    return [factories.DmEventFactory(conversation=conversation, text=text, **fields) for text in texts]


def index_all() -> None:
    """What the workers do with messages that were there before them: rows of factories are in no change log."""
    SearchState.objects.all().delete()
    index.make_missing_states()
    for x_account in XAccount.objects.all():
        index.index_new(x_account.pk)
        index.index_old(x_account.pk)
    index.index_names()


def found_texts(user, typed: str) -> list[str]:
    return [event.text for event in found_events(user, typed)]


def found_events(user, typed: str) -> list[DmEvent]:
    """All pages of it."""
    wanted = finding.resolve(user, query.parse(typed))
    page = finding.find(user, wanted)
    hits = list(page.hits)
    while page.below is not None:
        page = finding.find(user, wanted, page.below)
        hits += page.hits
    return [hit.event for hit in hits]


@contextmanager
def undone() -> Iterator[None]:
    """What one example of a random test writes is taken back before the next: sooner than it could be deleted."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def in_small_steps() -> Iterator[None]:
    """A few messages are looked for as a hundred thousand are: walks end early, the index is cut, pages follow."""
    with pytest.MonkeyPatch.context() as patch:
        for module, constants in SMALL_STEPS.items():
            for name, value in constants.items():
                patch.setattr(module, name, value)
        yield


def scan(events: Iterable[DmEvent], typed: str) -> list[DmEvent]:
    """The same by reading every message, without tokens, terms or a database: plain comparing of words."""
    return scan_texts({event: [event.text] for event in events}, typed)


def scan_texts(texts: Mapping[DmEvent, list[str]], typed: str) -> list[DmEvent]:
    """The same where each message has several texts: each part is looked for in all of them."""
    parts = [part for part in typed.split() if words_of(part)]
    meant = [
        event for event, theirs in texts.items() if all(any(holds(text, part) for text in theirs) for part in parts)
    ]
    return sorted(meant, key=lambda event: (event.dm_event_id, event.pk), reverse=True)


def holds(text: str, part: str, *, is_exact: bool = False) -> bool:
    """is_exact: in whole words."""
    wanted = [(word.sign + word.typed, is_exact or word.is_character) for word in words_of(part)]
    forms = [word.forms for word in words_of(text)]
    places = range(len(forms) - len(wanted) + 1)
    return any(all(_is_at(wanted, number, forms[place + number]) for number in range(len(wanted))) for place in places)


def _is_at(part: list[tuple[str, bool]], number: int, forms: tuple[str, ...]) -> bool:
    wanted, is_whole = part[number]
    is_short = is_whole or len(wanted) < 3
    is_first, is_last = number == 0, number == len(part) - 1
    if is_short or not (is_first or is_last):
        return wanted in forms
    if is_first and is_last:
        return any(wanted in form for form in forms)
    return any(form.endswith(wanted) if is_first else form.startswith(wanted) for form in forms)
