"""The rows that all X accounts share: people, media and posts as X shows them beside events and posts.

Every function is a bulk upsert by constraint, with a fixed number of queries, in the order of the ids: two workers
that meet on the same rows wait for each other instead of deadlocking. What X leaves out of an answer never blanks
what an earlier one told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import XAccount
from conversations import changes
from conversations.ids import as_number, as_numbers
from conversations.media import sharp_avatar, wanted_file, wanted_files
from conversations.models import EventMedia, Media, MediaFile, Post, XUser, XUserLook, XUserName
from conversations.sync import link_pictures
from dminbox.xapi import schema

LONGEST_URL = 500
LONGEST_KEY = 50
PUSHED = "push_"
"""Begins the key of media that X has pushed and not shown in a read yet."""
PROFILE_LASTS = timedelta(days=7)
SEEN_EVERY = timedelta(days=1)
"""A profile that is shown again and again, and says the same, is written so often."""
PROFILE = [
    "username",
    "name",
    "profile_image_url",
    "is_protected",
    "is_verified",
    "verified_type",
    "raw",
    "profile_seen_at",
    "named_at",
    "described_at",
    "unavailable_since",
    "unavailable_reason",
    "lookup_due_at",
    "lookup_attempts",
    "avatar",
]
MEDIA = ["type", "alt_text", "width", "height", "duration_ms", "raw", "file", "light", "preview"]
LIGHT_RATE = 1_000_000
"""Bits a second that a telephone and a small purse can bear."""
POST = ["author", "text", "entities", "created_at", "raw"]


def store_users(users: Iterable[schema.User], seen_at: datetime) -> dict[int, XUser]:
    """The profiles that X showed at `seen_at`; one seen later stays. Returns the rows by id."""
    shown = {pk: user for user in users if (pk := as_number(user.id)) is not None}
    rows = XUser.objects.in_bulk(list(shown))
    news = [pk for pk in sorted(shown) if pk not in rows or _is_news(rows[pk], shown[pk], seen_at)]
    before = {pk: _name_of(row) for pk in news if (row := rows.get(pk)) and row.profile_seen_at}
    looks = {pk: _look_of(row) for pk in before if (row := rows.get(pk))}
    shown_so = {pk: (_shows(row), row.avatar_id) for pk in news if (row := rows.get(pk))}
    fresh = [_with_profile(rows.setdefault(pk, XUser(pk=pk)), shown[pk], seen_at) for pk in news]
    _give_avatars(fresh)
    otherwise = [look for pk, look in looks.items() if _looks_otherwise(rows[pk], look, seen_at)]
    _see_pictures([row for pk, (_, avatar) in shown_so.items() if (row := rows[pk]).avatar_id != avatar])
    XUser.objects.bulk_create(fresh, update_conflicts=True, update_fields=PROFILE, unique_fields=["id"])
    former = [name for pk, name in before.items() if _is_renamed(rows[pk], name)]
    XUserName.objects.bulk_create(former, ignore_conflicts=True)
    XUserLook.objects.bulk_create(otherwise, ignore_conflicts=True)
    changes.tell_of_people(
        pk for pk, (so, avatar) in shown_so.items() if _shows(rows[pk]) != so or _has_other_picture(rows[pk], avatar)
    )
    return rows


def ensure_users(x_user_ids: Iterable[int], x_account: XAccount | None = None) -> None:
    """A row for every id. Who is new is a bare id, to be looked up at once; the X account itself is known already."""
    wanted = set(x_user_ids)
    missing = sorted(wanted - set(XUser.objects.filter(pk__in=wanted).values_list("pk", flat=True)))
    rows = [_bare(pk, x_account) for pk in missing]
    XUser.objects.bulk_create(rows, ignore_conflicts=True)


def store_media(
    media: Iterable[schema.Media], x_account: XAccount | None = None, known: dict[str, Media] | None = None
) -> dict[str, Media]:
    """`x_account`: whose token fetches the photos, for those of messages. known: rows that the caller has looked up
    already. Returns the rows by media_key.
    """
    shown = {item.media_key: item for item in media if len(item.media_key) <= LONGEST_KEY}
    rows = known if known is not None else _media_by_key(shown)
    fresh = [key for key in sorted(shown) if key not in rows or _tells_more(rows[key].raw, shown[key].raw)]
    files = wanted_files(pair for key in fresh for pair in _addresses(shown[key], x_account))
    for key in fresh:
        row = rows.setdefault(key, Media(media_key=key))
        _describe(row, shown[key])
        row.file = files.get(_main_url(shown[key]) or "") or row.file
        row.light = files.get(_light_url(shown[key]) or "") or row.light
        row.preview = files.get(shown[key].preview_image_url or "") or row.preview
    upserted = [rows[key] for key in fresh]
    Media.objects.bulk_create(upserted, update_conflicts=True, update_fields=MEDIA, unique_fields=["media_key"])
    return rows


def _media_by_key(keys: Iterable[str]) -> dict[str, Media]:
    return {row.media_key: row for row in Media.objects.filter(media_key__in=list(keys)).order_by("pk")}


def ensure_media(media_keys: Iterable[str]) -> dict[str, Media]:
    """A row for every key; one that X named without showing it has no type and no file until it does."""
    wanted = {key for key in media_keys if len(key) <= LONGEST_KEY}
    rows = {row.media_key: row for row in Media.objects.filter(media_key__in=wanted)}
    if missing := sorted(wanted - rows.keys()):
        Media.objects.bulk_create([Media(media_key=key) for key in missing], ignore_conflicts=True)
        rows |= {row.media_key: row for row in Media.objects.filter(media_key__in=missing)}
    return rows


def adopt_pushed_media(media_keys: Iterable[str]) -> dict[str, Media]:
    """Media that was pushed has no media_key of X's yet: now that a read tells it, the row takes that name.

    The number in a key is the media's own id (recorded); only the kind before it is not in what X pushes. Returns the
    rows that there are, by X's keys.
    """
    wanted = {key for key in media_keys if len(key) <= LONGEST_KEY}
    keys = {f"{PUSHED}{key.partition('_')[2]}": key for key in wanted if not key.startswith(PUSHED)}
    rows = _media_by_key({*wanted, *keys})
    for pushed in [row for key, row in rows.items() if key in keys]:
        key = keys[pushed.media_key]
        del rows[pushed.media_key]
        rows[key] = _adopted(pushed, key, rows.get(key))
    return rows


def _adopted(pushed: Media, key: str, known: Media | None) -> Media:
    if known is None:
        Media.objects.filter(pk=pushed.pk).update(media_key=key)
        pushed.media_key = key
        return pushed
    there = EventMedia.objects.filter(media=known).values("event")
    EventMedia.objects.filter(media=pushed).exclude(event__in=there).update(media=known)
    EventMedia.objects.filter(media=pushed).delete()
    pushed.delete()
    return known


def refresh_old_profiles(x_user_ids: Iterable[int | None]) -> None:
    """Who writes again after a while may have another name or picture by now: asked for by id, once in so many days."""
    old = timezone.now() - PROFILE_LASTS
    people = XUser.objects.filter(pk__in={pk for pk in x_user_ids if pk is not None}, profile_seen_at__lt=old)
    people.filter(lookup_due_at=None, unavailable_since=None).update(lookup_due_at=timezone.now())


def store_posts(posts: Iterable[schema.Post], x_account: XAccount | None = None) -> dict[int, Post]:
    """Text, author and time of posts; their details stay due (`x_account`: whose token asks). Returns rows by id.

    Their authors have rows already (`authors_of`). A post whose details are complete stays as it is: a DM answer shows
    less of it.
    """
    shown = {pk: post for post in posts if (pk := as_number(post.id)) is not None}
    rows = Post.objects.in_bulk(list(shown))
    fresh = [pk for pk in sorted(shown) if pk not in rows or _may_complete(rows[pk], shown[pk])]
    for pk in fresh:
        _write(rows.setdefault(pk, Post(pk=pk, x_account=x_account)), shown[pk])
    upserted = [rows[pk] for pk in fresh]
    Post.objects.bulk_create(upserted, update_conflicts=True, update_fields=POST, unique_fields=["id"])
    link_pictures.keep(posts=upserted)
    return rows


def authors_of(posts: Iterable[schema.Post]) -> set[int]:
    return set(as_numbers(post.author_id for post in posts))


def ensure_posts(post_ids: Iterable[int], x_account: XAccount | None = None) -> None:
    """A row for every post that an event names; those X did not show are asked for with the details."""
    wanted = set(post_ids)
    missing = sorted(wanted - set(Post.objects.filter(pk__in=wanted).values_list("pk", flat=True)))
    Post.objects.bulk_create([Post(pk=pk, x_account=x_account) for pk in missing], ignore_conflicts=True)


def best_variant(variants: Sequence[schema.Variant]) -> schema.Variant | None:
    """The MP4 of the highest rate; playlists have none."""
    playable = [variant for variant in variants if variant.content_type == "video/mp4"]
    return max(playable, key=lambda variant: variant.bit_rate or 0, default=None)


def light_variant(variants: Sequence[schema.Variant]) -> schema.Variant | None:
    """The best MP4 of a low rate; None where the best of all is one."""
    low = [variant for variant in variants if (variant.bit_rate or 0) <= LIGHT_RATE]
    light = best_variant(low)
    return None if light is None or light == best_variant(variants) else light


def _is_news(row: XUser, user: schema.User, seen_at: datetime) -> bool:
    if row.profile_seen_at is None:
        return True
    was_asked_for = row.lookup_due_at is not None or row.unavailable_since is not None
    says_more = was_asked_for or _tells_more(row.raw, user.raw)
    return row.profile_seen_at < (seen_at if says_more else seen_at - SEEN_EVERY)


def _name_of(row: XUser) -> XUserName:
    """How somebody was called until now, for the history of names."""
    until = row.profile_seen_at or row.first_seen_at
    since = min(row.named_at or row.first_seen_at, until)
    return XUserName(x_user=row, name=row.name, username=row.username, seen_from=since, seen_until=until)


def _look_of(row: XUser) -> XUserLook:
    """What they said of themselves until now, and their picture."""
    until = row.profile_seen_at or row.first_seen_at
    since = min(row.described_at or row.first_seen_at, until)
    said = {"description": row.description, "location": row.location}
    return XUserLook(x_user=row, avatar_id=row.avatar_id, seen_from=since, seen_until=until, **said)


def _looks_otherwise(row: XUser, before: XUserLook, seen_at: datetime) -> bool:
    """Whether something of it would be lost. Since when they look as now is noted on the row."""
    now = row.description, row.location, row.avatar_id
    was = before.description, before.location, before.avatar_id
    if now != was:
        row.described_at = seen_at
    return any(part and part != now[place] for place, part in enumerate(was))


def _shows(row: XUser) -> tuple[object, ...]:
    """What pages tell of somebody, without their picture."""
    return row.name, row.username, row.profile_seen_at is None, row.unavailable_since


def _has_other_picture(row: XUser, before: int | None) -> bool:
    """One whose file is here already; that of another is told of once it is."""
    return row.avatar_id != before and row.avatar is not None and row.avatar.state == MediaFile.State.STORED


def _is_renamed(row: XUser, before: XUserName) -> bool:
    return (row.name, row.username) != (before.name, before.username)


def _with_profile(row: XUser, user: schema.User, seen_at: datetime) -> XUser:
    if row.profile_seen_at is None:
        row.described_at = seen_at
    called = row.name, row.username
    row.username = (user.username or row.username)[:50]
    row.name = (row.name if user.name is None else user.name)[:200]
    if called != (row.name, row.username):
        row.named_at = seen_at
    if user.profile_image_url and len(user.profile_image_url) <= LONGEST_URL:
        row.profile_image_url = user.profile_image_url
    row.is_protected = _told(user.protected, row.is_protected)
    row.is_verified = _told(user.verified, row.is_verified)
    row.verified_type = _told(user.verified_type, row.verified_type)[:20]
    row.raw = row.raw | user.raw
    row.profile_seen_at = seen_at
    row.unavailable_since, row.unavailable_reason = None, ""
    row.lookup_due_at, row.lookup_attempts = None, 0
    return row


def _give_avatars(rows: Sequence[XUser]) -> None:
    files = wanted_files((sharp_avatar(row.profile_image_url), None) for row in rows if row.profile_image_url)
    for row in rows:
        row.avatar = files.get(sharp_avatar(row.profile_image_url)) or row.avatar


def _see_pictures(rows: Sequence[XUser]) -> None:
    """Whether the other pictures of these people are here by now. Locked until they show them: who stores one of them
    at this moment tells of everybody who does, and would not see these yet.
    """
    pending = {row.avatar.pk for row in rows if row.avatar and row.avatar.state != MediaFile.State.STORED}
    if not pending:
        return
    files = MediaFile.objects.select_for_update(no_key=True).filter(pk__in=pending).order_by("pk").in_bulk()
    for row in rows:
        row.avatar = files.get(row.avatar_id, row.avatar)


def _bare(pk: int, x_account: XAccount | None) -> XUser:
    if x_account is None or pk != x_account.x_user_id:
        return XUser(pk=pk, lookup_due_at=timezone.now())
    return XUser(
        pk=pk,
        username=x_account.username,
        name=x_account.name,
        profile_image_url=x_account.profile_image_url,
        profile_seen_at=x_account.connected_at,
        avatar=wanted_file(sharp_avatar(x_account.profile_image_url), None) if x_account.profile_image_url else None,
    )


def _tells_more(known: dict[str, Any], told: dict[str, Any]) -> bool:
    return any(known.get(name) != value for name, value in told.items())


def _addresses(item: schema.Media, x_account: XAccount | None) -> list[tuple[str, XAccount | None]]:
    """Every file of it, with whose token: only a photo of a message needs one."""
    found: list[tuple[str, XAccount | None]] = []
    if main := _main_url(item):
        found.append((main, x_account if main == item.url else None))
    if light := _light_url(item):
        found.append((light, None))
    if item.preview_image_url:
        found.append((item.preview_image_url, None))
    return found


def _main_url(item: schema.Media) -> str | None:
    best = best_variant(item.variants)
    return item.url or (best.url if best else None)


def _light_url(item: schema.Media) -> str | None:
    light = light_variant(item.variants)
    return light.url if light and not item.url else None


def _describe(row: Media, item: schema.Media) -> None:
    row.type = (item.type or row.type)[:20]
    row.alt_text = item.alt_text or row.alt_text
    row.width = _told(item.width, row.width)
    row.height = _told(item.height, row.height)
    row.duration_ms = _told(item.duration_ms, row.duration_ms)
    row.raw = row.raw | item.raw


def _may_complete(row: Post, post: schema.Post) -> bool:
    return row.state != Post.State.COMPLETE and _tells_more(row.raw, post.raw)


def _write(row: Post, post: schema.Post) -> None:
    row.author_id = _told(as_number(post.author_id), row.author_id)
    row.text = _told(post.text, row.text)
    row.entities = post.entities or row.entities
    row.created_at = _told(post.created_at, row.created_at)
    row.raw = row.raw | post.raw


def _told(value: Any, known: Any) -> Any:
    return known if value is None else value
