"""A large archive as a busy team has it: several X accounts, many conversations, one very long thread, one big group.

Made by the database itself, in the shape that years of reading leave behind. Runs inside a lane.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.models import Membership, Role, User, XAccount
from bench.filling import tidy
from bench.setup import Archive
from conversations.models import Conversation, DmEvent, SyncState
from dminbox.xsim import ids

OWN = 1500000000000000000
PERSON = 2000000000000000000
STEP = 7919
READER = "reader@bench.invalid"
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
    # Each fiftieth message brought a photo.
    """INSERT INTO conversations_mediafile
        (source_url, source_hash, state, attempts, due_at, error, path, content_type, width, height,
         thumbnail_attempts, thumbnail_widths, placeholder)
    SELECT 'http://x.local/' || id, md5(id::text) || md5(id::text), 'stored', 1, %(now)s, '', '', 'image/jpeg', 1200,
        900, 0, '[360, 720]', ''
    FROM conversations_dmevent WHERE id %% 50 = 0""",
    """INSERT INTO conversations_media (media_key, type, alt_text, raw, file_id)
    SELECT '3_' || id, 'photo', '', '{}', id FROM conversations_mediafile""",
    """INSERT INTO conversations_eventmedia (event_id, media_id, position)
    SELECT e.id, m.id, 0 FROM conversations_dmevent e JOIN conversations_mediafile f
        ON f.source_url = 'http://x.local/' || e.id JOIN conversations_media m ON m.file_id = f.id
    WHERE e.id %% 50 = 0""",
    "UPDATE conversations_dmevent SET has_media = true WHERE id %% 50 = 0",
    """UPDATE conversations_conversation SET has_media = true WHERE id IN (
        SELECT conversation_id FROM conversations_dmevent WHERE id %% 50 = 0)""",
    # Half of the conversations are read.
    """INSERT INTO conversations_readmark (user_id, conversation_id, dm_event_id, moved_at, was_moved_back)
    SELECT %(reader)s, id, last_dm_event_id, %(now)s, false FROM conversations_conversation WHERE id %% 2 = 0""",
)


def fill(archive: dict[str, int]) -> dict[str, int]:
    """Makes it; returns the ids of the long thread and an event in its middle, the group, an ordinary thread and
    the reader.
    """
    size, now = Archive(**archive), timezone.now()
    with transaction.atomic():
        reader = _reader(size)
        numbers: dict[str, Any] = asdict(size) | {
            "person": PERSON,
            "step": STEP,
            "now": now,
            "newest": ids.snowflake(datetime.now(UTC)),
            "words": WORDS,
            "size": len(WORDS),
            "reader": reader.pk,
        }
        with connection.cursor() as cursor:
            for statement in STATEMENTS:
                cursor.execute(statement, numbers)
            cursor.execute("SELECT id FROM conversations_conversation ORDER BY id LIMIT 3")
            long, group, usual = (row[0] for row in cursor.fetchall())
    tidy()
    middle = DmEvent.objects.filter(conversation=long).order_by("-dm_event_id")[size.long // 2].dm_event_id
    return {"long": long, "group": group, "usual": usual, "reader": reader.pk, "middle": middle}


def some_threads(count: int) -> list[int]:
    """Ids of conversations from all over the archive, the newest among them."""
    newest = Conversation.objects.order_by("-last_dm_event_id").values_list("pk", flat=True)
    step = max(newest.count() // count, 1)
    return list(newest[::step])


def session(user: int) -> dict[str, str]:
    """The cookie of a session in which that person is signed in: its name and value."""
    client = Client()
    client.force_login(User.objects.get(pk=user))
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value}


def _reader(size: Archive) -> User:
    """Who may read all of it."""
    reader = User.objects.create_user(READER, name="Reader", time_zone="Europe/Oslo")
    for number in range(size.accounts):
        x_account = XAccount.objects.create(
            x_user_id=OWN + number, username=f"brand{number}", name=f"Brand {number}", connected_by=reader
        )
        # A member since the beginning: what no mark says is read is unread.
        Membership.objects.create(user=reader, x_account=x_account, role=Role.AGENT, read_before_id=1)
        SyncState.objects.create(x_account=x_account, state=SyncState.State.ACTIVE, last_success_at=timezone.now())
    return reader
