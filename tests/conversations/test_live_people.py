"""People who show otherwise than before are announced to whoever reads of them, after what shows is committed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from conversations import changes, tasks
from conversations.media import fetch_file, fetching, sharp_avatar, wanted_file
from conversations.media.errors import Later
from conversations.models import Change, MediaFile, PushState, XUser
from conversations.sync import includes, people
from conversations.sync.includes import store_users
from dminbox.xapi.schema import User
from tests import factories

pytestmark = [pytest.mark.services, pytest.mark.django_db]
PATIENCE = 20


@pytest.fixture
def mira():
    return factories.XUserFactory(name="Mira", username="mira_nordlicht", profile_seen_at=timezone.now())


@pytest.fixture
def conversations(mira):
    """Two, of one X account each."""
    rows = [factories.ConversationFactory(x_account=factories.SyncStateFactory().x_account) for _ in range(2)]
    for row in rows:
        factories.ParticipantFactory(conversation=row, x_user=mira)
    return rows


@pytest.fixture
def told(django_capture_on_commit_callbacks):
    def told(act):
        """What is announced for what `act` does: (X account, kind, conversation)."""
        Change.objects.all().delete()
        with django_capture_on_commit_callbacks(execute=True):
            act()
            assert not Change.objects.exists()
        return set(Change.objects.values_list("x_account", "kind", "conversation"))

    return told


def shown(person, **otherwise):
    fields = {"name": person.name, "username": person.username} | otherwise
    raw = {"id": str(person.pk)} | fields
    return lambda: store_users([User(id=str(person.pk), raw=raw, **fields)], timezone.now())


def of(conversations):
    return {(row.x_account_id, "conversation", row.pk) for row in conversations}


def test_another_name_or_handle_is_told_in_each_conversation_and_the_same_in_none(told, mira, conversations):
    assert told(shown(mira)) == set()
    assert told(shown(mira, name="Mira N.")) == of(conversations)
    mira.refresh_from_db()
    assert told(shown(mira, username="mira_lights")) == of(conversations)


def test_who_shows_for_the_first_time_is_told_of_and_who_is_wholly_new_is_not(told, mira, conversations):
    XUser.objects.update(profile_seen_at=None)
    assert told(shown(mira)) == of(conversations)
    assert told(shown(XUser(pk=77, name="Ossian", username="odd_ossian"))) == set()


def test_that_somebody_is_no_longer_there_and_is_again_is_told_once_each(told, mira, conversations):
    XUser.objects.update(lookup_due_at=timezone.now())
    assert told(lambda: people._mark_unavailable({mira.pk: "User has been suspended."})) == of(conversations)
    XUser.objects.update(lookup_due_at=timezone.now())
    assert told(lambda: people._mark_unavailable({mira.pk: "User has been suspended."})) == set()
    assert told(shown(mira)) == of(conversations)


def test_a_picture_is_told_of_when_it_is_here(told, mira, conversations, monkeypatch):
    mira.avatar = wanted_file("https://pbs.twimg.com/profile_images/7/mira_400x400.jpg", None)
    mira.save()

    answers = iter([Later("Not now."), {"state": "stored", "path": "a.jpg", "content_type": "image/jpeg"}])

    def keep(file):
        answer = next(answers)
        if isinstance(answer, Later):
            raise answer
        return answer

    monkeypatch.setattr(fetching, "_keep", keep)
    assert told(lambda: fetch_file(mira.avatar.pk)) == set()
    mira.avatar.want_again()
    assert told(lambda: fetch_file(mira.avatar.pk)) == of(conversations)


@pytest.mark.parametrize("state", [MediaFile.State.STORED, MediaFile.State.DUE])
def test_a_picture_that_is_here_already_is_told_of_with_whoever_takes_it(told, mira, conversations, state):
    """X's own for who has none, one that somebody had before, or shares with others."""
    egg = "https://abs.twimg.com/sticky/default_profile_images/default_profile_normal.png"
    MediaFile.objects.filter(pk=wanted_file(sharp_avatar(egg), None).pk).update(state=state)
    is_here = state == MediaFile.State.STORED
    assert told(shown(mira, profile_image_url=egg)) == (of(conversations) if is_here else set())
    mira.refresh_from_db()
    assert mira.avatar is not None
    XUser.objects.update(lookup_due_at=timezone.now())
    assert told(shown(mira, profile_image_url=egg)) == set(), "it shows so already"


@pytest.mark.parametrize("state", [MediaFile.State.STORED, MediaFile.State.DUE])
def test_a_picture_that_comes_while_somebody_takes_it_is_told_of(told, mira, conversations, monkeypatch, state):
    address = "https://pbs.twimg.com/profile_images/8/mira.jpg"
    file, wanted = wanted_file(sharp_avatar(address), None), includes.wanted_files

    def stored_meanwhile(urls):
        found = wanted(urls)
        MediaFile.objects.filter(pk=file.pk).update(state=state)
        return found

    monkeypatch.setattr(includes, "wanted_files", stored_meanwhile)
    is_here = state == MediaFile.State.STORED
    assert told(shown(mira, profile_image_url=address)) == (of(conversations) if is_here else set())


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_who_stores_a_picture_waits_until_whoever_takes_it_shows_it(mira):
    address = "https://pbs.twimg.com/profile_images/8/mira.jpg"
    file = wanted_file(sharp_avatar(address), None)

    def store():
        try:
            with transaction.atomic():
                MediaFile.objects.select_for_update(nowait=True).get(pk=file.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        shown(mira, profile_image_url=address)()
        with pytest.raises(OperationalError):
            pool.submit(store).result(PATIENCE)


def test_our_own_profile_is_told_as_the_account_as_a_whole(told, conversations):
    x_account = conversations[0].x_account
    us = factories.XUserFactory(id=x_account.x_user_id, profile_seen_at=timezone.now())
    for row in conversations:
        factories.ParticipantFactory(conversation=row, x_user=us)
    assert told(shown(us, name="Nordlicht Lamps")) == {(x_account.pk, "account", None), *of(conversations[1:])}


def test_very_many_conversations_are_told_as_the_account_as_a_whole(told, mira, conversations, monkeypatch):
    monkeypatch.setattr(changes, "MOST_CONVERSATIONS", 1)
    more = factories.ConversationFactory(x_account=conversations[0].x_account)
    factories.ParticipantFactory(conversation=more, x_user=mira)
    whole = (more.x_account_id, "account", None)
    assert told(shown(mira, name="Mira N.")) == {whole, *of(conversations[1:])}


def test_it_costs_no_more_for_more_people(told, mira, conversations, django_assert_max_num_queries):
    others = [factories.XUserFactory(profile_seen_at=timezone.now()) for _ in range(20)]
    for person in others:
        factories.ParticipantFactory(conversation=conversations[0], x_user=person)
    changes.tell_of_people([person.pk for person in [mira, *others]])
    with django_assert_max_num_queries(16):
        changes.announce_people()


# --- Whatever ends the process ----------------------------------------------------------------------------------------


def test_what_a_process_left_untold_that_died_after_its_commit_the_sweep_tells_once(mira, conversations, monkeypatch):
    PushState.objects.create(pk=1, subscriptions_checked_at=timezone.now())
    monkeypatch.setattr(tasks, "_queue", lambda task, pks: task() if pks and task == tasks.announce_people else None)
    shown(mira, name="Mira N.")()
    assert not Change.objects.exists(), "it ends here, before anything is announced"
    for _ in range(2):
        tasks.sweep()
        assert sorted(Change.objects.values_list("x_account", "kind", "conversation")) == sorted(of(conversations))


class Died(BaseException):
    """The process ends here."""


def test_who_dies_amid_the_telling_has_told_nobody_and_all_are_told_later(mira, conversations, monkeypatch):
    shown(mira, name="Mira N.")()
    announced = changes.announce

    def dies_at_the_second(x_account, news):
        if x_account.pk == conversations[1].x_account_id:
            raise Died
        announced(x_account, news)

    with monkeypatch.context() as patch:
        patch.setattr(changes, "announce", dies_at_the_second)
        with pytest.raises(Died):
            changes.announce_people()
    assert not Change.objects.exists()
    changes.announce_people()
    assert set(Change.objects.values_list("x_account", "kind", "conversation")) == of(conversations)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_who_come_by_at_the_same_time_tell_it_once(mira, conversations, monkeypatch):
    """Both have looked before either has told."""
    both_have_looked, found = threading.Barrier(2), changes._places_of

    def look(pks):
        places = found(pks)
        both_have_looked.wait(PATIENCE)
        return places

    def tell(_):
        try:
            changes.announce_people()
        finally:
            connection.close()

    XUser.objects.filter(pk=mira.pk).update(untold_since=timezone.now())
    monkeypatch.setattr(changes, "_places_of", look)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(tell, range(2)))
    assert sorted(Change.objects.values_list("conversation", flat=True)) == sorted(row.pk for row in conversations)
