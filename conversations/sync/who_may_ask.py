"""Which of our connected X accounts were shown somebody or a post: one of them asks X for it by id, and pays.

Whom or what none of them was shown is nobody's to buy.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from django.db.models import QuerySet

from accounts.models import XAccount
from conversations.models import Conversation, EventPost, Participant, Post
from dminbox.postgres.planning import by_its_values

Known = dict[int, set[int]]
"""By the id of each person or post, the keys of the X accounts that know it."""
MOST = 10_000
"""Pairs of a post or an author and an X account, of each way to know one."""


@by_its_values()  # most have one conversation, some very many
def people(pks: Collection[int]) -> Known:
    """Who takes part in a conversation, has written in it or invited somebody is a participant; an author is none."""
    ours = set(XAccount.objects.filter(x_user_id__in=pks).values_list("x_user_id", flat=True))
    known = _gathered(pks, _as_participants(set(pks) - ours), _as_our_own(ours) if ours else ())
    if strangers := [pk for pk, x_accounts in known.items() if not x_accounts]:
        known |= _shown("author", strangers)
    return known


@by_its_values()
def posts(pks: Collection[int]) -> Known:
    return _shown("pk", pks)


def _shown(field: str, pks: Collection[int]) -> Known:
    """Who asked for the details before, and who was shown the post, or one that quotes it. field: of the post, what the
    ids are of.
    """
    if not pks:
        return {}
    asked = Post.objects.filter(x_account__in=_connected())
    shown = EventPost.objects.filter(event__conversation__x_account__in=_connected())
    ways = [
        (asked, field, "x_account"),
        (shown, f"post__{field}", "event__conversation__x_account"),
        (shown, f"post__quoted__{field}", "event__conversation__x_account"),
    ]
    # Each pair once: a post that was shared very often would else leave no room for the others.
    return _gathered(
        pks,
        *(rows.filter(**{f"{of}__in": pks}).values_list(of, who).distinct()[:MOST] for rows, of, who in ways),
    )


def _as_participants(pks: Collection[int]) -> Iterable[tuple[int, int]]:
    rows = Participant.objects.filter(x_user__in=pks, conversation__x_account__in=_connected())
    return rows.values_list("x_user", "conversation__x_account").distinct()


def _as_our_own(pks: Collection[int]) -> Iterable[tuple[int, int]]:
    """An X account of ours takes part in each of its conversations: too many to look through."""
    yield from _connected().filter(x_user_id__in=pks).values_list("x_user_id", "pk")
    peers = Conversation.objects.filter(peer__in=pks, x_account__in=_connected())
    yield from peers.values_list("peer", "x_account")


def _connected() -> QuerySet[XAccount]:
    return XAccount.objects.filter(state=XAccount.State.CONNECTED)


def _gathered(pks: Iterable[int], *pairs: Iterable[tuple[Any, int]]) -> Known:
    known: Known = {pk: set() for pk in pks}
    for some in pairs:
        for pk, x_account in some:
            known[pk].add(x_account)
    return known
