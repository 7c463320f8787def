"""What X names as the picture of a linked page: wanted like any other file, and never fetched from the page itself."""

from __future__ import annotations

from collections.abc import Iterable

from conversations.cards import link_cards_of
from conversations.media import wanted_files
from conversations.models import DmEvent, LinkPicture, Post


def keep(*, events: Iterable[DmEvent] = (), posts: Iterable[Post] = ()) -> None:
    """No query where no link has a picture, and there are few that have."""
    wanted = [(LinkPicture(event=row), card.picture) for row in events for card in link_cards_of(row.entities)]
    wanted += [(LinkPicture(post=row), card.picture) for row in posts for card in link_cards_of(row.entities)]
    wanted = [(row, url) for row, url in wanted if url]
    if not wanted:
        return
    files = wanted_files((url, None) for _, url in wanted)
    for row, url in wanted:
        row.file = files[url]
    LinkPicture.objects.bulk_create([row for row, _ in wanted], ignore_conflicts=True)
