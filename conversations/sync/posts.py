"""Details of shared posts: author, media, poll and quoted post, by one call for up to a hundred posts.

The DM endpoints show a shared post alone. No event waits for what is fetched here, and if it fails the card shows
what came with the event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from accounts.models import XAccount
from conversations import changes, ledger
from conversations.ids import as_number
from conversations.models import EventPost, Post, PostMedia
from conversations.sync import pace, who_may_ask
from conversations.sync.by_id import (
    LEASE,
    MOST_DUE,
    OF_THE_ACCOUNT,
    Lookup,
    ask_in_turn,
    given_up,
    reasons_in,
    reasons_of,
)
from conversations.sync.includes import (
    authors_of,
    ensure_media,
    ensure_posts,
    ensure_users,
    store_media,
    store_posts,
    store_users,
)
from conversations.sync.quarantine import store_odd
from conversations.sync.trouble import back_off, heed, trouble_of
from conversations.sync.who_may_ask import Known
from dminbox import leases
from dminbox.xapi import schema
from dminbox.xapi.errors import XError
from dminbox.xapi.members import Odd
from dminbox.xapi.parsing import read_post

log = structlog.get_logger("conversations.sync")

RESOURCES = {"tweet", "post"}
MOST_SHOWN = 3
"""Posts that come for one, each with its author: itself, the one it quotes and the one it answers."""
DETAILS = ["state", "poll", "quoted", "fetched_at", "details_due_at", "unavailable_reason"]


def fetch_due_details() -> None:
    """By the X accounts that were shown posts that are due. May run in many workers at once: each post is claimed by
    one.
    """
    each = MOST_SHOWN * (settings.PRICE_POST_USD + settings.PRICE_USER_USD)
    ask_in_turn(Lookup("GET /2/tweets", _find, each, _fetch, _let_wait))


def _find() -> Known:
    return who_may_ask.posts(list(due().order_by("details_due_at", "pk").values_list("pk", flat=True)[:MOST_DUE]))


def due() -> QuerySet[Post]:
    is_due = leases.is_due("details_due_at", timezone.now(), pace.longest_wait())
    return Post.objects.filter(is_due, state=Post.State.DUE)


def _let_wait(pks: Collection[int], wait: timedelta) -> None:
    due().filter(pk__in=pks).update(details_due_at=timezone.now() + wait)


def _claim(pks: Sequence[int]) -> list[Post]:
    """The posts that are ours for the time of a lease."""
    until = timezone.now() + LEASE
    due().filter(pk__in=pks).update(details_due_at=until, details_attempts=F("details_attempts") + 1)
    return list(Post.objects.filter(pk__in=pks, state=Post.State.DUE, details_due_at=until))


def _give_back(claimed: Sequence[Post]) -> None:
    """X said nothing of them: it was no attempt, and another X account may ask."""
    due_at = claimed[0].details_due_at
    ours = Post.objects.filter(pk__in=[row.pk for row in claimed], state=Post.State.DUE, details_due_at=due_at)
    ours.update(details_due_at=timezone.now(), details_attempts=F("details_attempts") - 1)


def _fetch(x_account: XAccount, pks: Sequence[int]) -> None:
    posts = _claim(pks)
    if not posts:
        return
    ids = [str(post.pk) for post in posts]
    try:
        answer = ledger.call(x_account, lambda client: client.tweets(ids))
    except OF_THE_ACCOUNT:
        _give_back(posts)
        raise
    except XError as error:
        heed(error)
        log.info("post_details_failed", x_account_id=x_account.pk, posts=len(posts), error=type(error).__name__)
        attempts = max(post.details_attempts for post in posts)
        _give_up_or_put_off(posts, reasons_of(error, RESOURCES), trouble_of(error, attempts).wait)
        return
    ledger.record_lookup(x_account, answer)
    store_odd(x_account, [*answer.value.odd, *answer.value.includes.odd])
    with changes.updating(posts=[post.pk for post in posts]):
        _store(x_account, posts, answer)


# --- What X answered --------------------------------------------------------------------------------------------------


def _store(x_account: XAccount, asked: Sequence[Post], answer: schema.Answer[schema.Posts]) -> None:
    includes, reasons = answer.value.includes, reasons_in(answer.problems, RESOURCES)
    store_users(includes.users, answer.answered_at)
    store_media(includes.media)
    wanted = {post.pk for post in asked}
    given = {pk: post for pk, post in _by_id(answer.value.posts).items() if pk in wanted}
    quoted = _quoted_by(given)
    beside = {pk: post for pk, post in _by_id(includes.posts).items() if pk in set(quoted.values()) - given.keys()}
    shown = [*given.values(), *beside.values()]
    ensure_users(authors_of(shown), x_account)
    store_posts(shown, x_account)
    ensure_posts(quoted.values(), x_account)
    whole = {pk: post for pk, post in beside.items() if _is_whole(post, includes)}
    _complete(given | whole, quoted, includes, answer.answered_at)
    _mark_unavailable({pk: reasons[pk] for pk in quoted.values() if pk in reasons and pk not in given})
    left_out = [post for post in asked if post.pk not in given]
    reasons = given_up(answer.value.odd, {post.pk: post.details_attempts for post in left_out}) | reasons
    _give_up_or_put_off(left_out, reasons, back_off(max((post.details_attempts for post in left_out), default=0)))


def _by_id(posts: Iterable[schema.Post]) -> dict[int, schema.Post]:
    return {pk: post for post in posts if (pk := as_number(post.id)) is not None}


def _quoted_by(posts: Mapping[int, schema.Post]) -> dict[int, int]:
    """What each post quotes, of those shared in a message: a card shows a quoted post and not what that one quotes."""
    shared = set(EventPost.objects.filter(post__in=posts).values_list("post", flat=True))
    found = {
        pk: as_number(reference.id)
        for pk in shared
        for reference in posts[pk].references
        if reference.type == "quoted" and reference.id != posts[pk].id
    }
    return {pk: quoted for pk, quoted in found.items() if quoted is not None}


def _is_whole(post: schema.Post, includes: schema.Includes) -> bool:
    """Whether a post beside the answer came with all that its card shows; else it is asked for by its own id."""
    return (
        post.author_id in {user.id for user in includes.users}
        and set(post.media_keys) <= {item.media_key for item in includes.media}
        and set(post.poll_ids) <= {poll.id for poll in includes.polls}
    )


def _complete(
    told: Mapping[int, schema.Post], quoted: Mapping[int, int], includes: schema.Includes, answered_at: datetime
) -> None:
    rows = [row for row in Post.objects.filter(pk__in=told).order_by("pk") if row.state != Post.State.COMPLETE]
    polls = {poll.id: poll.raw for poll in includes.polls}
    for row in rows:
        row.state, row.unavailable_reason = Post.State.COMPLETE, ""
        row.details_due_at, row.fetched_at = None, answered_at
        row.poll = next((polls[pk] for pk in told[row.pk].poll_ids if pk in polls), None)
        row.quoted_id = quoted.get(row.pk)
    Post.objects.bulk_update(rows, DETAILS)
    _link_media({row.pk: told[row.pk].media_keys for row in rows})


def add_poll(poll: schema.Poll) -> None:
    """A poll that could not be read when the posts that have it came. Raises Odd where no post is without it."""
    without = Post.objects.filter(poll__isnull=True, raw__attachments__has_key="poll_ids").only("raw")
    pks = [row.pk for row in without.iterator() if poll.id in _poll_ids(row.raw)]
    if not pks:
        raise Odd("no post is without this poll")
    with changes.updating(posts=pks):
        Post.objects.filter(pk__in=pks).update(poll=poll.raw)


def _poll_ids(post: schema.Raw) -> tuple[str, ...]:
    try:
        return read_post(post).poll_ids
    except Odd:
        return ()


def _link_media(keys: Mapping[int, Sequence[str]]) -> None:
    media = ensure_media(key for each in keys.values() for key in each)
    links = [
        PostMedia(post_id=pk, media=media[key], position=position)
        for pk, each in keys.items()
        for position, key in enumerate(dict.fromkeys(each))
        if key in media
    ]
    PostMedia.objects.bulk_create(links, ignore_conflicts=True)


def _give_up_or_put_off(posts: Iterable[Post], reasons: Mapping[int, str], wait: timedelta) -> None:
    """X's words end the asking; where it said nothing of a post, it is asked again later."""
    pks = [post.pk for post in posts]
    _mark_unavailable({pk: reasons[pk] for pk in pks if pk in reasons})
    _put_off([pk for pk in pks if pk not in reasons], wait)


def _mark_unavailable(reasons: Mapping[int, str]) -> None:
    rows = list(Post.objects.filter(pk__in=reasons, state=Post.State.DUE).order_by("pk"))
    for row in rows:
        row.state, row.unavailable_reason = Post.State.UNAVAILABLE, reasons[row.pk]
        row.details_due_at, row.fetched_at = None, timezone.now()
    Post.objects.bulk_update(rows, DETAILS)


def _put_off(pks: Collection[int], wait: timedelta) -> None:
    if pks:
        Post.objects.filter(pk__in=pks, state=Post.State.DUE).update(details_due_at=timezone.now() + wait)
