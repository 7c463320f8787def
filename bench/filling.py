"""A database full of stored events, made by the database itself, in the shape that an import leaves behind."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from bench import worlds
from conversations.models import Change, SyncState
from dminbox.xsim import ids

PER_CONVERSATION = 50
FIRST_PERSON = int(worlds.person(0))
PERSON_STEP = int(worlds.person(1)) - FIRST_PERSON
STATEMENTS = (
    """INSERT INTO conversations_xuser
        (id, username, name, profile_image_url, is_protected, is_verified, verified_type, raw, first_seen_at,
         profile_seen_at, unavailable_reason, lookup_attempts)
    SELECT %(person)s + n * %(step)s, 'customer' || n, 'Customer ' || n, '', false, false, '',
        jsonb_build_object('id', n::text, 'username', 'customer' || n), now(), now(), '', 0
    FROM generate_series(0, %(people)s - 1) n""",
    """INSERT INTO conversations_conversation
        (x_account_id, dm_conversation_id, is_group, peer_id, last_dm_event_id, last_incoming_dm_event_id,
         has_reached_beginning, last_encrypted_id, created_at)
    SELECT a.id, a.x_user_id || '-' || u.id, false, u.id, 0, 0, false, 0, now()
    FROM conversations_xuser u CROSS JOIN accounts_xaccount a ORDER BY u.id""",
    """INSERT INTO conversations_dmevent
        (conversation_id, dm_event_id, event_type, created_at, sender_id, text, entities, raw, stored_at)
    SELECT c.id, %(newest)s - n * 8388608000, 'MessageCreate', %(at)s - n * interval '2 seconds', c.peer_id,
        'My order has not come yet, the parcel says it is still on its way. Could you have a look, please?', '{}',
        jsonb_build_object('id', (%(newest)s - n * 8388608000)::text, 'event_type', 'MessageCreate',
            'text', 'My order has not come yet, the parcel says it is still on its way. Could you have a look?',
            'sender_id', c.peer_id::text, 'dm_conversation_id', c.dm_conversation_id), now()
    FROM generate_series(0, %(events)s - 1) n
    JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM conversations_conversation) c
        ON c.place = (n::bigint * 7919) %% %(people)s""",
    """INSERT INTO conversations_participant (conversation_id, x_user_id, is_present, last_message_at)
    SELECT id, peer_id, true, %(at)s FROM conversations_conversation""",
    """INSERT INTO conversations_change (x_account_id, number, kind, conversation_id, event_id, data, created_at)
    SELECT a.id, row_number() OVER (ORDER BY e.id), 'event', e.conversation_id, e.id, '{}', now()
    FROM conversations_dmevent e CROSS JOIN accounts_xaccount a""",
    """INSERT INTO conversations_mediafile
        (source_url, source_hash, state, attempts, due_at, error, path, content_type, thumbnail_attempts,
         thumbnail_widths, placeholder)
    SELECT 'http://x.local/' || id, md5(id::text) || md5(id::text), 'stored', 1, now(), '', '',
        'image/jpeg', 0, '[]', ''
    FROM conversations_dmevent WHERE id %% 16 = 0""",
    """INSERT INTO conversations_media (media_key, type, alt_text, raw, file_id)
    SELECT '3_' || id, 'photo', '', '{}', id FROM conversations_mediafile""",
    """INSERT INTO conversations_eventmedia (event_id, media_id, position)
    SELECT e.id, m.id, 0 FROM conversations_dmevent e JOIN conversations_mediafile f
        ON f.source_url = 'http://x.local/' || e.id JOIN conversations_media m ON m.file_id = f.id
    WHERE e.id %% 16 = 0""",
    """UPDATE conversations_conversation c SET last_event_id = e.id, last_dm_event_id = e.dm_event_id,
        last_incoming_dm_event_id = e.dm_event_id
    FROM (SELECT DISTINCT ON (conversation_id) * FROM conversations_dmevent
        ORDER BY conversation_id, dm_event_id DESC) e WHERE e.conversation_id = c.id""",
)


def fill(events: int, newest_at: str) -> None:
    """`events` of before that moment, fifty in each conversation, everything else as it follows from them."""
    at = datetime.fromisoformat(newest_at) - timedelta(days=31)
    numbers = {
        "events": events,
        "people": max(events // PER_CONVERSATION, 1),
        "person": FIRST_PERSON,
        "step": PERSON_STEP,
        "newest": ids.snowflake(at),
        "at": at,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        Change.objects.all().delete()  # that the account is connected: numbers begin anew
        for statement in STATEMENTS:
            cursor.execute(statement, numbers)
        SyncState.objects.update(last_change=events)
    tidy()


def tidy() -> None:
    """What PostgreSQL does by itself within a minute or two."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
