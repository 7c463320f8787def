"""A large archive as a busy team has it: several X accounts, many conversations, one very long thread, one big group.

Made by the database itself, in the shape that years of reading leave behind. Runs inside a lane.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from PIL import Image

from accounts.models import Membership, Role, User, XAccount
from bench.filling import tidy
from bench.people import signed_in
from bench.setup import Archive
from conversations.media.thumbnails import thumbnails_of
from conversations.models import Conversation, DmEvent, ReadMark, SavedView, SyncState
from dminbox.xsim import ids

OWN = 1500000000000000000
PERSON = 2000000000000000000
POST = 1800000000000000000
STEP = 7919
READER = "reader@bench.invalid"
VIEWS = {"Photos to answer": "unanswered=1&media=1", "Posts unread": "unread=1&post=1"}
WORDS = [
    "order",
    "parcel",
    "lamp",
    "invoice",
    "refund",
    "thanks",
    "broken",
    "switch",
    "cable",
    "dimmer",
    "photo",
    "please",
]


STATEMENTS = (
    """INSERT INTO conversations_xuser
        (id, username, name, profile_image_url, is_protected, is_verified, verified_type, raw, first_seen_at,
         profile_seen_at, unavailable_reason, lookup_attempts)
    SELECT %(person)s + n * %(step)s, 'customer' || n, 'Customer ' || n, '', false, false, '',
        jsonb_build_object('id', (%(person)s + n * %(step)s)::text, 'username', 'customer' || n,
            'name', 'Customer ' || n), %(now)s, %(now)s, '', 0
    FROM generate_series(0, %(conversations)s - 1) n""",
    """INSERT INTO conversations_xuser
        (id, username, name, profile_image_url, is_protected, is_verified, verified_type, raw, first_seen_at,
         profile_seen_at, unavailable_reason, lookup_attempts)
    SELECT x_user_id, username, name, '', false, false, '', '{}', %(now)s, %(now)s, '', 0 FROM accounts_xaccount""",
    # One conversation with each person; the first is the long thread, the second the group.
    """INSERT INTO conversations_conversation
        (x_account_id, dm_conversation_id, is_group, peer_id, last_dm_event_id, last_incoming_dm_event_id,
         has_reached_beginning, last_encrypted_id, created_at)
    SELECT a.id, CASE WHEN n = 1 THEN %(person)s::text ELSE a.x_user_id || '-' || (%(person)s + n * %(step)s) END,
        n = 1, CASE WHEN n = 1 THEN NULL ELSE %(person)s + n * %(step)s END, 0, 0, true, 0, %(now)s
    FROM generate_series(0, %(conversations)s - 1) n
    JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM accounts_xaccount) a
        ON a.place = n %% %(accounts)s ORDER BY n""",
    """INSERT INTO conversations_participant (conversation_id, x_user_id, is_present, last_message_at)
    SELECT c.id, c.peer_id, true, %(now)s FROM conversations_conversation c WHERE NOT c.is_group
    UNION ALL
    SELECT c.id, %(person)s + n * %(step)s, true, %(now)s - n * interval '1 minute'
    FROM conversations_conversation c, generate_series(1, %(group)s) n WHERE c.is_group""",
    # Event n is n minutes old; the first `long` of them fall to the long thread and the others, in turn.
    """INSERT INTO conversations_dmevent
        (conversation_id, dm_event_id, event_type, created_at, sender_id, text, entities, raw, stored_at)
    SELECT c.id, made.dm_event_id, 'MessageCreate', made.created_at,
        CASE WHEN n %% 3 = 0 THEN a.x_user_id
             WHEN c.is_group THEN %(person)s + (1 + n %% %(group)s) * %(step)s ELSE c.peer_id END,
        said.text, '{}',
        jsonb_build_object('id', made.dm_event_id::text, 'event_type', 'MessageCreate', 'text', said.text,
            'dm_conversation_id', c.dm_conversation_id), %(now)s
    FROM generate_series(0, %(events)s - 1) n
    JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM conversations_conversation) c
        ON c.place = CASE WHEN n %% (%(events)s / %(long)s) = 0 THEN 0
            WHEN n %% 100 = 1 THEN 1 ELSE 2 + (n::bigint * 7919) %% (%(conversations)s - 2) END
    JOIN accounts_xaccount a ON a.id = c.x_account_id
    CROSS JOIN LATERAL (SELECT %(newest)s - n::bigint * 251658240000 AS dm_event_id,
        %(now)s - n * interval '1 minute' AS created_at) made
    CROSS JOIN LATERAL (SELECT string_agg(
            (%(words)s::text[])[1 + ((n::bigint * 31 + w * 17 * (1 + n %% 13)) %% %(size)s)], ' ' ORDER BY w
        ) || ' ' || n AS text FROM generate_series(1, 6 + n %% 18) w) said""",
    """UPDATE conversations_conversation c SET last_event_id = e.id, last_dm_event_id = e.dm_event_id
    FROM (SELECT DISTINCT ON (conversation_id) * FROM conversations_dmevent
        ORDER BY conversation_id, dm_event_id DESC) e WHERE e.conversation_id = c.id""",
    """UPDATE conversations_conversation c SET last_incoming_dm_event_id = e.dm_event_id
    FROM (SELECT DISTINCT ON (e.conversation_id) e.* FROM conversations_dmevent e
        JOIN conversations_conversation c ON c.id = e.conversation_id
        JOIN accounts_xaccount a ON a.id = c.x_account_id WHERE e.sender_id <> a.x_user_id
        ORDER BY e.conversation_id, e.dm_event_id DESC) e WHERE e.conversation_id = c.id""",
    """UPDATE conversations_conversation c SET last_own_dm_event_id = e.dm_event_id
    FROM (SELECT DISTINCT ON (e.conversation_id) e.* FROM conversations_dmevent e
        JOIN conversations_conversation c ON c.id = e.conversation_id
        JOIN accounts_xaccount a ON a.id = c.x_account_id WHERE e.sender_id = a.x_user_id
        ORDER BY e.conversation_id, e.dm_event_id DESC) e WHERE e.conversation_id = c.id""",
    # Each fiftieth message brought a photo, and each thirty-third a post.
    """INSERT INTO conversations_mediafile
        (source_url, source_hash, state, attempts, due_at, error, path, content_type, size, width, height, stored_at,
         thumbnail_attempts, thumbnail_widths, placeholder)
    SELECT 'http://x.local/' || id, md5(id::text) || md5(id::text), 'stored', 1, %(now)s, '', %(photo_path)s,
        'image/jpeg', %(photo_size)s, %(photo_width)s, %(photo_height)s, %(now)s, 0, %(photo_widths)s::jsonb,
        %(photo_placeholder)s
    FROM conversations_dmevent WHERE id %% 50 = 0""",
    """INSERT INTO conversations_media (media_key, type, alt_text, raw, file_id)
    SELECT '3_' || id, 'photo', '', '{}', id FROM conversations_mediafile""",
    """INSERT INTO conversations_eventmedia (event_id, media_id, position)
    SELECT e.id, m.id, 0 FROM conversations_dmevent e JOIN conversations_mediafile f
        ON f.source_url = 'http://x.local/' || e.id JOIN conversations_media m ON m.file_id = f.id
    WHERE e.id %% 50 = 0""",
    """INSERT INTO conversations_post
        (id, author_id, text, entities, created_at, raw, state, unavailable_reason, details_attempts, fetched_at)
    SELECT %(post)s + id, sender_id, 'A lamp for every corner, number ' || id, '{}', created_at,
        '{"public_metrics": {"like_count": 1204, "reply_count": 17}}', 'complete', '', 1, %(now)s
    FROM conversations_dmevent WHERE id %% 33 = 0""",
    """INSERT INTO conversations_eventpost (event_id, post_id, position)
    SELECT id, %(post)s + id, 0 FROM conversations_dmevent WHERE id %% 33 = 0""",
    """UPDATE conversations_dmevent SET has_media = id %% 50 = 0, has_post = id %% 33 = 0
    WHERE id %% 50 = 0 OR id %% 33 = 0""",
    """UPDATE conversations_conversation c SET has_media = brought.media, has_post = brought.post
    FROM (SELECT conversation_id, bool_or(has_media) AS media, bool_or(has_post) AS post
        FROM conversations_dmevent GROUP BY 1) brought WHERE brought.conversation_id = c.id""",
    # Everybody has a picture.
    """INSERT INTO conversations_mediafile
        (source_url, source_hash, state, attempts, due_at, error, path, content_type, size, width, height, stored_at,
         thumbnail_attempts, thumbnail_widths, placeholder)
    SELECT 'http://x.local/avatars/' || id, md5('a' || id) || md5('a' || id), 'stored', 1, %(now)s, '', %(avatar_path)s,
        'image/jpeg', %(avatar_size)s, %(avatar_width)s, %(avatar_height)s, %(now)s, 0, %(avatar_widths)s::jsonb,
        %(avatar_placeholder)s
    FROM conversations_xuser""",
    """UPDATE conversations_xuser u SET avatar_id = f.id, profile_image_url = f.source_url
    FROM conversations_mediafile f WHERE f.source_url = 'http://x.local/avatars/' || u.id""",
    # Half of the conversations are read.
    """INSERT INTO conversations_readmark (user_id, conversation_id, dm_event_id, moved_at, was_moved_back)
    SELECT %(reader)s, id, last_dm_event_id, %(now)s, false FROM conversations_conversation WHERE id %% 2 = 0""",
)


def fill(archive: dict[str, int]) -> dict[str, int]:
    """Makes it; returns the ids of the long thread and an event in its middle, the group, an ordinary thread with
    the picture of its person, and the reader.
    """
    size, now = Archive(**archive), timezone.now()
    with transaction.atomic():
        reader = _reader(size)
        numbers: dict[str, Any] = (
            asdict(size)
            | _picture("photo", 1200, 900)
            | _picture("avatar", 400, 400)
            | {
                "post": POST,
                "person": PERSON,
                "step": STEP,
                "now": now,
                "newest": ids.snowflake(datetime.now(UTC)),
                "words": WORDS,
                "size": len(WORDS),
                "reader": reader.pk,
            }
        )
        with connection.cursor() as cursor:
            for statement in STATEMENTS:
                cursor.execute(statement, numbers)
            cursor.execute("SELECT id FROM conversations_conversation ORDER BY id LIMIT 3")
            long, group, usual = (row[0] for row in cursor.fetchall())
    tidy()
    picture = Conversation.objects.values_list("peer__avatar", flat=True).get(pk=usual)
    middle = DmEvent.objects.filter(conversation=long).order_by("-dm_event_id")[size.long // 2].dm_event_id
    return {"long": long, "group": group, "usual": usual, "reader": reader.pk, "middle": middle, "picture": picture}


def some_threads(count: int) -> list[int]:
    """Ids of conversations from all over the archive, the newest among them."""
    newest = Conversation.objects.order_by("-last_dm_event_id").values_list("pk", flat=True)
    step = max(newest.count() // count, 1)
    return list(newest[::step])


def session(user: int) -> dict[str, str]:
    """The cookie of a session in which that person is signed in: its name and value."""
    return _cookie(User.objects.get(pk=user))


def team(people: int) -> list[dict[str, str]]:
    """The cookies of so many who may read all of it, each with views of their own and an inbox half read.

    They came when the thousandth conversation was the newest: what is older counts as read.
    """
    newest = list(Conversation.objects.order_by("-last_dm_event_id").values_list("pk", "last_dm_event_id")[:1000])
    fields = {"time_zone": "Europe/Oslo"}
    found = [User(email=f"person{n}@bench.invalid", name=f"Person {n}", **fields) for n in range(people)]
    found = User.objects.bulk_create(found)
    since = newest[-1][1]
    Membership.objects.bulk_create(
        Membership(user=user, x_account=x_account, role=Role.AGENT, read_before_id=since)
        for user in found
        for x_account in XAccount.objects.all()
    )
    ReadMark.objects.bulk_create(
        ReadMark(user=user, conversation_id=pk, dm_event_id=last)
        for number, user in enumerate(found)
        for pk, last in newest[number % 2 :: 2]
    )
    _save_views(found)
    tidy()
    return [_cookie(user) for user in found]


def _cookie(user: User) -> dict[str, str]:
    return {"name": settings.SESSION_COOKIE_NAME, "value": signed_in(user)}


def _save_views(users: Sequence[User]) -> None:
    SavedView.objects.bulk_create(
        SavedView(user=user, name=name, query=query) for user in users for name, query in VIEWS.items()
    )


def _picture(name: str, width: int, height: int) -> dict[str, Any]:
    """One file with its small copies, for all rows of that kind; gives what these say of it."""
    path = f"bench/{name}.jpg"
    place = Path(settings.MEDIA_ROOT) / path
    place.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((width // 8, height // 8), 60).resize((width, height)).convert("RGB").save(place)
    made = thumbnails_of(path, "image/jpeg")
    told = {"path": path, "size": place.stat().st_size, "width": width, "height": height}
    told |= {"widths": json.dumps(made["thumbnail_widths"]), "placeholder": made["placeholder"]}
    return {f"{name}_{part}": value for part, value in told.items()}


def _reader(size: Archive) -> User:
    """Who may read all of it."""
    reader = User.objects.create_user(READER, name="Reader", time_zone="Europe/Oslo")
    _save_views([reader])
    for number in range(size.accounts):
        x_account = XAccount.objects.create(
            x_user_id=OWN + number, username=f"brand{number}", name=f"Brand {number}", connected_by=reader
        )
        # A member since the beginning: what no mark says is read is unread.
        Membership.objects.create(user=reader, x_account=x_account, role=Role.AGENT, read_before_id=1)
        SyncState.objects.create(x_account=x_account, state=SyncState.State.ACTIVE, last_success_at=timezone.now())
    return reader
