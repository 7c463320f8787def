"""The texts a message is found by: its own, and what is shown with it: posts, alt texts, titles of linked pages. Pure.

A phrase never runs from one of them into the next. What they are taken from comes by `with_attachments`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from conversations import cards, text
from conversations.models import DmEvent, Post


class Beside(NamedTuple):
    """One text that is not the message's own; label: where it stands, as a hit says it."""

    label: str | Promise
    text: str


IN_POST, BY_AUTHOR, DESCRIBED, LINKED = _("In the post:"), _("A post by"), _("In the picture:"), _("The link leads to:")


def said_in(event: DmEvent) -> text.Said:
    return text.said(
        event.text,
        event.entities,
        has_media=bool(event.media_shown),
        card_post_ids=[row.post_id for row in event.posts_shown],
    )


def beside(event: DmEvent) -> list[Beside]:
    """In the order a thread shows them; each once."""
    return list(dict.fromkeys(found for found in _beside(event) if found.text.strip()))


def _beside(event: DmEvent) -> Iterator[Beside]:
    yield from _titles(event.entities)
    for media in event.media_shown:
        yield Beside(DESCRIBED, media.media.alt_text)
    for shared in event.posts_shown:
        yield from _of_post(shared.post)
        if shared.post.quoted:
            yield from _of_post(shared.post.quoted)


def _of_post(post: Post) -> Iterator[Beside]:
    if post.author:
        yield Beside(BY_AUTHOR, f"{post.author.name} @{post.author.username}")
    yield Beside(IN_POST, text.said(post.text, post.entities, has_media=bool(post.media_shown)).text)
    for media in post.media_shown:
        yield Beside(DESCRIBED, media.media.alt_text)
    yield from _titles(post.entities)


def _titles(entities: Any) -> Iterator[Beside]:
    for card in cards.link_cards_of(entities if isinstance(entities, dict) else {}):
        yield Beside(LINKED, card.title)
