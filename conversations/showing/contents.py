"""What rows and messages carry beside their text: asked for those alone that carry something, as most do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from conversations.cards import link_cards_of
from conversations.models import (
    Conversation,
    DmEvent,
    EventMedia,
    EventParticipant,
    EventPost,
    LinkPicture,
    Participant,
    Post,
    PostMedia,
)
from conversations.querysets import FILES_OF_MEDIA, RAW_BESIDE_POSTS, of_media
from conversations.showing.thread import posts_of
from dminbox.statements import compiled_once


def add_contents(events: Sequence[DmEvent]) -> None:
    """All that a thread shows of each event. The media of shared and quoted posts come together, by one query."""
    _add(events, _media, _posts)
    posts_shown = posts_of(events)
    _hand_out(_media_of_posts([post.pk for post in posts_shown]), "post_id", posts_shown, "media_shown")
    _add_link_pictures(events, posts_shown)


def _add_link_pictures(events: Sequence[DmEvent], posts: Sequence[Post]) -> None:
    """`link_files`, by where X keeps them: one query, and none where no link has a picture."""
    every: list[Any] = [*events, *posts]
    rows = [row for row in every if any(card.picture for card in link_cards_of(row.entities))]
    if not rows:
        return
    pictures = LinkPicture.objects.filter(Q(event__in=events) | Q(post__in=posts)).select_related("file")
    files = {picture.file.source_url: picture.file for picture in pictures}
    for row in rows:
        row.link_files = files


def add_names(rows: Sequence[Conversation]) -> None:
    """`named` of each: who gives a group its title, and who is typing. Without a group that takes half of the work."""
    people_of = _naming if any(row.is_group for row in rows) else _typing
    people = people_of(timezone.now(), [row.pk for row in rows])
    _hand_out(people, "conversation_id", rows, "named")


def rows_of_inbox(conversations: Iterable[Conversation]) -> list[Conversation]:
    """The rows of a queryset `with_rows_of_inbox`, each with its names and what a one-line preview needs."""
    rows = list(conversations)
    add_names(rows)
    _add([row.last_event for row in rows if row.last_event], _kinds_of_media, _ids_of_posts)
    return rows


def _add(events: Sequence[DmEvent], media: Asked, posts: Asked) -> None:
    wanted: list[tuple[str, Asked, Callable[[DmEvent], bool]]] = [
        ("people_shown", _people, _is_no_message),
        ("media_shown", media, lambda event: event.has_media),
        ("posts_shown", posts, lambda event: event.has_post),
    ]
    for name, ask, has_some in wanted:
        _hand_out(ask([event.pk for event in events if has_some(event)]), "event_id", events, name)


def _is_no_message(event: DmEvent) -> bool:
    return event.event_type != DmEvent.Type.MESSAGE_CREATE


def _hand_out(found: Iterable[Any], whose: str, rows: Iterable[Any], name: str) -> None:
    """As plain lists: a related manager for each row and kind would take longer than all the queries.

    whose: the column of what was found that says to which of the rows it belongs.
    """
    lists: dict[int, list[Any]] = defaultdict(list)
    for each in found:
        lists[getattr(each, whose)].append(each)
    for row in rows:
        setattr(row, name, lists[row.pk])


# --- What is asked ----------------------------------------------------------------------------------------------------

Asked = Callable[[list[int]], list[Any]]
"""By ids of events."""


@compiled_once
def _naming(now: datetime, conversations: list[int]) -> QuerySet[Participant]:
    return Participant.objects.filter(conversation__in=conversations).naming_rows(now)


@compiled_once
def _typing(now: datetime, conversations: list[int]) -> QuerySet[Participant]:
    return Participant.objects.filter(conversation__in=conversations).typing(now)


@compiled_once
def _people(events: list[int]) -> QuerySet[EventParticipant]:
    people = EventParticipant.objects.filter(event__in=events).returning()
    return people.select_related("x_user").defer("x_user__raw")


@compiled_once
def _media(events: list[int]) -> QuerySet[EventMedia]:
    media = EventMedia.objects.filter(event__in=events).select_related(*FILES_OF_MEDIA)
    return media.only("event", "media", *of_media())


@compiled_once
def _kinds_of_media(events: list[int]) -> QuerySet[EventMedia]:
    return EventMedia.objects.filter(event__in=events).select_related("media").only("event", "media__type")


@compiled_once
def _posts(events: list[int]) -> QuerySet[EventPost]:
    posts = EventPost.objects.filter(event__in=events)
    return posts.select_related("post__author__avatar", "post__quoted__author__avatar").defer(*RAW_BESIDE_POSTS)


@compiled_once
def _media_of_posts(posts: list[int]) -> QuerySet[PostMedia]:
    media = PostMedia.objects.filter(post__in=posts).select_related(*FILES_OF_MEDIA)
    return media.only("post", "media", *of_media())


@compiled_once
def _ids_of_posts(events: list[int]) -> QuerySet[EventPost]:
    return EventPost.objects.filter(event__in=events)
