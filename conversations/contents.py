"""What rows and messages carry beside their text: asked for those alone that carry something, as most do not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import Prefetch, Q, QuerySet, prefetch_related_objects
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
from conversations.thread import posts_of


def add_contents(events: Sequence[DmEvent]) -> None:
    """All that a thread shows of each event. The media of shared and quoted posts come together, by one query."""
    media = EventMedia.objects.select_related(*FILES_OF_MEDIA).only("event", "media", *of_media())
    posts = EventPost.objects.select_related("post__author__avatar", "post__quoted__author__avatar")
    _add(events, media, posts.defer(*RAW_BESIDE_POSTS))
    of_posts = PostMedia.objects.select_related(*FILES_OF_MEDIA).only("post", "media", *of_media())
    posts_shown = posts_of(events)
    prefetch_related_objects(posts_shown, Prefetch("post_media", of_posts, to_attr="media_shown"))
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
    people, now = Participant.objects.all(), timezone.now()
    named = people.naming_rows(now) if any(row.is_group for row in rows) else people.typing(now)
    prefetch_related_objects(rows, Prefetch("participants", named, to_attr="named"))


def rows_of_inbox(conversations: QuerySet[Conversation]) -> list[Conversation]:
    """The rows of a queryset `with_rows_of_inbox`, each with its names and what a one-line preview needs."""
    rows = list(conversations)
    add_names(rows)
    media = EventMedia.objects.select_related("media").defer("media__raw")
    _add([row.last_event for row in rows if row.last_event], media, EventPost.objects.all())
    return rows


def _add(events: Sequence[DmEvent], media: QuerySet[EventMedia], posts: QuerySet[EventPost]) -> None:
    """As plain lists: a related manager for each event and kind would take longer than all the queries."""
    people = EventParticipant.objects.select_related("x_user").defer("x_user__raw")
    if any(map(_is_no_message, events)):
        people = people.returning()  # to put this into a query takes longer than all else here
    _fetch(events, _is_no_message, Prefetch("event_participants", people, "people_shown"))
    _fetch(events, lambda event: event.has_media, Prefetch("event_media", media, "media_shown"))
    _fetch(events, lambda event: event.has_post, Prefetch("event_posts", posts, "posts_shown"))


def _is_no_message(event: DmEvent) -> bool:
    return event.event_type != DmEvent.Type.MESSAGE_CREATE


def _fetch(events: Iterable[DmEvent], has_some: Callable[[DmEvent], bool], wanted: Prefetch[str]) -> None:
    having = []
    for event in events:
        if has_some(event):
            having.append(event)
        else:
            setattr(event, str(wanted.to_attr), [])
    prefetch_related_objects(having, wanted)
