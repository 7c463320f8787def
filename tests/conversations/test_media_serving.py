"""Files to browsers: whose they are, in pieces, and with headers that keep them harmless."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership, Role
from conversations.media import wanted_file
from conversations.models import (
    DmEvent,
    EventMedia,
    EventParticipant,
    EventPost,
    Media,
    MediaFile,
    Post,
    PostMedia,
    XUserLook,
)
from tests.async_client import AsyncClient
from tests.factories import (
    ConversationFactory,
    DmEventFactory,
    MembershipFactory,
    ParticipantFactory,
    XAccountFactory,
    XUserFactory,
)

CONTENT = bytes(range(256)) * 4
State = MediaFile.State


@pytest.fixture(autouse=True)
def _own_place(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    settings.PUBLIC_URL = "http://testserver"  # the one host Django's asynchronous test client can name


@pytest.fixture
def conversation(ben):
    """One of an X account that Ben may read for."""
    return ConversationFactory(x_account=MembershipFactory(user=ben, role=Role.VIEWER).x_account)


def stored_file(settings, name="a.jpg", content=CONTENT):
    (Path(settings.MEDIA_ROOT) / name).write_bytes(content)
    file = wanted_file(f"https://pbs.twimg.com/{name}", None)
    file.state, file.path, file.size = State.STORED, name, len(content)
    file.content_type, file.stored_at = "image/jpeg", timezone.now()
    file.save()
    return file


@pytest.fixture
def photo(settings, conversation):
    file = stored_file(settings)
    media = Media.objects.create(media_key="5_1", type="photo", file=file)
    EventMedia.objects.create(event=DmEventFactory(conversation=conversation), media=media)
    return file


def signed_in(user):
    client = AsyncClient()
    client.force_login(user)
    return client


def ask(user, conversation, file, method="get", **headers):
    """The answer with its whole body; to a person, or to a client that is signed in."""
    client = user if isinstance(user, AsyncClient) else signed_in(user)
    url = reverse("media_file", args=[conversation.pk, getattr(file, "pk", file)])

    async def exchange():
        answer = await getattr(client, method)(url, headers=headers)
        answer.body = b"".join([piece async for piece in answer]) if answer.streaming else answer.content
        return answer

    return async_to_sync(exchange)()


def test_a_member_gets_the_file_with_headers_that_keep_it_harmless(ben, conversation, photo):
    answer = ask(ben, conversation, photo)
    assert (answer.status_code, answer.body) == (200, CONTENT)
    assert answer["Content-Type"] == "image/jpeg"
    assert answer["Content-Length"] == str(len(CONTENT))
    assert answer["Content-Disposition"] == f'inline; filename="dminbox-{photo.pk}.jpg"'
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cache-Control"] == "private, no-cache"
    assert answer["Accept-Ranges"] == "bytes"


def test_a_file_costs_three_queries(ben, conversation, photo):
    """The session, the person, and the file by permission."""
    client = signed_in(ben)
    with CaptureQueriesContext(connection) as queries:
        ask(client, conversation, photo)
    assert len(queries) == 3, [query["sql"][:80] for query in queries]


def test_a_file_on_its_way_holds_no_thread(ben, conversation, photo, monkeypatch):
    monkeypatch.setattr("conversations.views.media.CHUNK", 1)
    client, url = signed_in(ben), reverse("media_file", args=[conversation.pk, photo.pk])

    async def exchange():
        pieces = aiter(await client.get(url))
        found = await anext(pieces)
        async with asyncio.timeout(20):
            await sync_to_async(lambda: None)()  # there is one thread for what is not async
        await pieces.aclose()
        return found

    assert async_to_sync(exchange)() == CONTENT[:1]


# --- Whose it is ------------------------------------------------------------------------------------------------------


def test_strangers_owners_and_people_of_other_accounts_get_404(ada, ben, cleo, conversation, photo):
    other = ConversationFactory(x_account=MembershipFactory(user=cleo, role=Role.ADMIN).x_account)
    for user, where in [(ada, conversation), (cleo, conversation), (cleo, other), (ben, other)]:
        assert ask(user, where, photo).status_code == 404


def test_who_is_not_signed_in_is_sent_to_sign_in(client, conversation, photo):
    answer = client.get(reverse("media_file", args=[conversation.pk, photo.pk]))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_a_file_is_reached_through_its_own_conversation_alone(ben, conversation, photo):
    beside = ConversationFactory(x_account=conversation.x_account)
    assert ask(ben, beside, photo).status_code == 404
    assert ask(ben, conversation, 10**9).status_code == 404


def test_who_loses_access_loses_the_copy_in_the_browser_too(ben, conversation, photo):
    etag = ask(ben, conversation, photo)["ETag"]
    assert ask(ben, conversation, photo, if_none_match=etag).status_code == 304
    Membership.objects.all().delete()
    assert ask(ben, conversation, photo, if_none_match=etag).status_code == 404


def as_preview(conversation, file):
    media = Media.objects.create(media_key="7_1", type="video", preview=file)
    EventMedia.objects.create(event=DmEventFactory(conversation=conversation), media=media)


def as_light_film(conversation, file):
    media = Media.objects.create(media_key="7_1", type="video", light=file)
    EventMedia.objects.create(event=DmEventFactory(conversation=conversation), media=media)


def post_in(conversation, **fields):
    post = Post.objects.create(pk=fields.pop("pk", 1861), **fields)
    EventPost.objects.create(event=DmEventFactory(conversation=conversation), post=post)
    return post


def with_media(post, file):
    PostMedia.objects.create(post=post, media=Media.objects.create(media_key="3_1", type="photo", file=file))


def as_media_of_a_post(conversation, file):
    with_media(post_in(conversation), file)


def as_media_of_a_quoted_post(conversation, file):
    quoted = Post.objects.create(pk=7)
    with_media(quoted, file)
    post_in(conversation, quoted=quoted)


def as_avatar_of_an_author(conversation, file):
    post_in(conversation, author=XUserFactory(avatar=file))


def as_avatar_of_a_quoted_author(conversation, file):
    post_in(conversation, quoted=Post.objects.create(pk=7, author=XUserFactory(avatar=file)))


def as_avatar_of_the_peer(conversation, file):
    conversation.peer.avatar = file
    conversation.peer.save()


def as_avatar_of_a_participant(conversation, file):
    ParticipantFactory(conversation=conversation, x_user=XUserFactory(avatar=file))


def as_avatar_of_an_inviter(conversation, file):
    ParticipantFactory(conversation=conversation, invited_by=XUserFactory(avatar=file))


def as_avatar_of_a_sender(conversation, file):
    DmEventFactory(conversation=conversation, sender=XUserFactory(avatar=file))


def as_avatar_of_who_left(conversation, file):
    event = DmEventFactory(conversation=conversation, event_type="ParticipantsLeave", sender=None)
    EventParticipant.objects.create(event=event, x_user=XUserFactory(avatar=file))


def as_our_own_avatar(conversation, file):
    XUserFactory(id=conversation.x_account.x_user_id, avatar=file)


def as_a_former_avatar(conversation, file):
    person, at = XUserFactory(), timezone.now()
    ParticipantFactory(conversation=conversation, x_user=person)
    XUserLook.objects.create(x_user=person, avatar=file, seen_from=at, seen_until=at)


@pytest.mark.parametrize(
    "shown",
    [
        as_preview,
        as_light_film,
        as_media_of_a_post,
        as_media_of_a_quoted_post,
        as_avatar_of_an_author,
        as_avatar_of_a_quoted_author,
        as_avatar_of_the_peer,
        as_avatar_of_a_participant,
        as_avatar_of_an_inviter,
        as_avatar_of_a_sender,
        as_avatar_of_who_left,
        as_our_own_avatar,
        as_a_former_avatar,
    ],
)
def test_a_file_is_reached_from_where_it_is_shown_and_from_nowhere_else(settings, ben, conversation, shown):
    file = stored_file(settings)
    beside = ConversationFactory(x_account=XAccountFactory())
    Membership.objects.create(user=ben, x_account=beside.x_account)
    assert ask(ben, conversation, file).status_code == 404
    shown(conversation, file)
    assert ask(ben, conversation, file).status_code == 200
    assert ask(ben, beside, file).status_code == 404


@pytest.mark.parametrize("state", [state for state in State if state != State.STORED])
def test_what_is_not_stored_is_not_there(ben, conversation, photo, state):
    MediaFile.objects.update(state=state)
    assert ask(ben, conversation, photo).status_code == 404


def test_bytes_that_a_disk_lost_are_fetched_anew(settings, ben, conversation, photo):
    (Path(settings.MEDIA_ROOT) / photo.path).unlink()
    assert ask(ben, conversation, photo).status_code == 404
    photo.refresh_from_db()
    assert photo.state == State.DUE


# --- In pieces --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-1023", 0, 1023),
        ("bytes=10-19", 10, 19),
        ("bytes=1000-", 1000, 1023),
        ("bytes=1000-999999", 1000, 1023),
        ("bytes=-24", 1000, 1023),
        ("bytes=-999999", 0, 1023),
    ],
)
def test_a_range_is_given_as_it_was_asked_for(ben, conversation, photo, asked, first, last):
    answer = ask(ben, conversation, photo, range=asked)
    assert (answer.status_code, answer.body) == (206, CONTENT[first : last + 1])
    assert answer["Content-Range"] == f"bytes {first}-{last}/1024"
    assert answer["Content-Length"] == str(last - first + 1)
    assert answer["Content-Type"] == "image/jpeg"


@pytest.mark.parametrize("asked", ["bytes=1024-", "bytes=5000-6000", "bytes=-0"])
def test_a_range_outside_the_file_is_said_to_be_outside(ben, conversation, photo, asked):
    answer = ask(ben, conversation, photo, range=asked)
    assert (answer.status_code, answer.body) == (416, b"")
    assert answer["Content-Range"] == "bytes */1024"


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,4-5", "bytes=-", "bytes=9-5", "lines=1-2", "bytes=a-b", "bytes=0-1;x", "bytes=" + "9" * 50 + "-"],
)
def test_any_other_wish_gets_the_whole_file(ben, conversation, photo, asked):
    answer = ask(ben, conversation, photo, range=asked)
    assert (answer.status_code, answer.body) == (200, CONTENT)


def test_a_range_of_another_version_gets_the_whole_file(ben, conversation, photo):
    etag = ask(ben, conversation, photo)["ETag"]
    assert ask(ben, conversation, photo, range="bytes=0-9", if_range=etag).status_code == 206
    for other in ['"other"', f"W/{etag}", "Fri, 20 Nov 2026 09:00:00 GMT"]:
        assert ask(ben, conversation, photo, range="bytes=0-9", if_range=other).status_code == 200


def test_a_browser_that_has_it_is_told_so_without_a_body(ben, conversation, photo):
    etag = ask(ben, conversation, photo)["ETag"]
    for known in [etag, f"W/{etag}", f'"x", {etag}', "*"]:
        answer = ask(ben, conversation, photo, if_none_match=known)
        assert (answer.status_code, answer.body) == (304, b"")
        assert answer["ETag"] == etag
        assert answer["Cache-Control"] == "private, no-cache"
    assert ask(ben, conversation, photo, if_none_match='"other"').status_code == 200


def test_a_head_tells_the_same_without_the_body(ben, conversation, photo):
    answer = ask(ben, conversation, photo, method="head", range="bytes=0-9")
    assert (answer.status_code, answer.body) == (200, b"")
    assert answer["Content-Length"] == "1024"
    assert answer["Content-Type"] == "image/jpeg"


def test_nothing_but_reading_is_taken(ben, conversation, photo):
    for method in ("post", "put", "delete"):
        assert ask(ben, conversation, photo, method=method).status_code == 405


# --- Once more --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.GONE, State.TOO_LARGE, State.REFUSED, State.DUE])
def test_an_agent_has_a_file_fetched_once_more(client, ben, conversation, photo, state):
    Membership.objects.update(role=Role.AGENT)
    MediaFile.objects.update(state=state, attempts=9, due_at=timezone.now() + timedelta(days=1))
    client.force_login(ben)
    answer = client.post(reverse("retry_file", args=[conversation.pk, photo.pk]))
    assert answer.status_code == 302
    event = DmEvent.objects.filter(conversation=conversation, media__file=photo).latest("dm_event_id")
    assert answer["Location"] == reverse("event", args=[conversation.pk, event.dm_event_id]), "back to the message"
    photo.refresh_from_db()
    assert (photo.state, photo.attempts) == (State.DUE, 0)
    assert photo.due_at <= timezone.now()


def test_what_was_too_large_is_tried_once_an_hour_at_most(client, ben, conversation, photo):
    Membership.objects.update(role=Role.AGENT)
    client.force_login(ben)
    again = reverse("retry_file", args=[conversation.pk, photo.pk])
    MediaFile.objects.update(state=State.TOO_LARGE, due_at=timezone.now() + timedelta(minutes=1))
    assert "It is retried once an hour at most." in client.post(again, follow=True).content.decode()
    photo.refresh_from_db()
    assert photo.state == State.TOO_LARGE
    MediaFile.objects.update(due_at=timezone.now() - timedelta(minutes=1))
    assert "It is retried once an hour at most." not in client.post(again, follow=True).content.decode()
    photo.refresh_from_db()
    assert photo.state == State.DUE


def test_viewers_and_strangers_have_nothing_fetched(client, ben, cleo, conversation, photo):
    MediaFile.objects.update(state=State.GONE)
    for user in (ben, cleo):
        client.force_login(user)
        assert client.post(reverse("retry_file", args=[conversation.pk, photo.pk])).status_code == 404
    photo.refresh_from_db()
    assert photo.state == State.GONE


def test_a_stored_file_and_one_in_work_are_left_alone(client, ben, conversation, photo):
    Membership.objects.update(role=Role.AGENT)
    client.force_login(ben)
    for state in (State.STORED, State.FETCHING):
        MediaFile.objects.update(state=state)
        client.post(reverse("retry_file", args=[conversation.pk, photo.pk]))
        photo.refresh_from_db()
        assert photo.state == state


def test_having_it_fetched_is_a_post(client, ben, conversation, photo):
    client.force_login(ben)
    assert client.get(reverse("retry_file", args=[conversation.pk, photo.pk])).status_code == 405
