"""One page of events: with the people in it only where X names senders no other way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

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

    X's contract names sender_id as a field; where it comes by expansion alone, that is asked for from now on.
    """
    with_people = pace.expands_people(state)
    with room(with_people) as size:
        answer = ask(size, with_people)
        if with_people or not _names_no_sender(answer.value):
            yield answer
            return
        SyncState.objects.filter(x_account=state.x_account_id).update(needs_people=True)
        state.needs_people = True
        record(state.x_account, answer)
    with room(True) as size:
        yield ask(size, True)


def _names_no_sender(page: Page) -> bool:
    messages = [event for event in page.events if event.event_type == DmEvent.Type.MESSAGE_CREATE]
    return bool(messages) and all(event.sender_id is None for event in messages)
