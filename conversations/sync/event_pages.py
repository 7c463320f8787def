"""One page of events: with the people in it only where X names senders no other way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from django.utils import timezone

from accounts.models import XAccount
from conversations.models import DmEvent, SyncState
from conversations.sync import pace
from dminbox.xapi.schema import Answer, Page

Room = Callable[[bool], AbstractContextManager[int]]
"""What one request takes, with people or without, until the end of the block: how many events it may ask for."""
Ask = Callable[[int, bool], Answer[Page]]
"""The request itself: how many events, and whether with people."""
Record = Callable[[XAccount, Answer[Page]], object]
"""Writes down the bill of a page that is not stored."""


@contextmanager
def page(state: SyncState, room: Room, ask: Ask, record: Record) -> Iterator[Answer[Page]]:
    """It is stored, with its bill, inside the block. Raises what `room` and `ask` do.

    X's contract names sender_id as a field; where it comes by expansion alone, that is asked for until the next day.
    Then a page is asked for without once more: X bills people and not the events that it has given that day.
    """
    with_people = pace.expands_people(state)
    with room(with_people) as size:
        answer = ask(size, with_people)
        if with_people or not _names_no_sender(answer.value):
            yield answer
            return
        state.needs_people_until = timezone.now() + pace.PEOPLE_FOR
        SyncState.objects.filter(x_account=state.x_account_id).update(needs_people_until=state.needs_people_until)
        record(state.x_account, answer)
    with room(True) as size:
        yield ask(size, True)


def _names_no_sender(page: Page) -> bool:
    messages = [event for event in page.events if event.event_type == DmEvent.Type.MESSAGE_CREATE]
    return bool(messages) and all(event.sender_id is None for event in messages)
