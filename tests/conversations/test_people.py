"""People whom X named without showing them are looked up by id; the last known profile stays."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import BilledResource, QuarantinedEvent, RateWindow, SyncState, XUser
from conversations.sync import by_id
from conversations.sync import people as module
from conversations.sync.people import look_up_due_people
from tests.conversations.x_world import ADA, BEN, CLEO, HELP, SEEN, STUDIO, asked, connected, named
from tests.factories import SyncStateFactory

pytestmark = pytest.mark.django_db


def calls(x):
    return asked(x, "/2/users")


def looked_up(*rows):
    look_up_due_people()
    for row in rows:
        row.refresh_from_db()
    return rows


def test_people_are_looked_up_by_one_call_and_once(x):
    connected(x)
    ada, ben = looked_up(named(ADA), named(BEN))
    assert (ada.username, ada.name, ben.username) == ("ada_lamps", "Ada_Lamps", "ben_reads")
    assert ada.profile_seen_at
    assert ada.lookup_due_at is None
    look_up_due_people()
    assert calls(x) == [[ADA, BEN]]


def test_nobody_due_asks_nothing(x):
    connected(x)
    XUser.objects.create(pk=int(ADA))
    named(BEN)
    XUser.objects.update(lookup_due_at=None)
    look_up_due_people()
    assert x.get("requests") == []


def test_who_is_suspended_keeps_the_last_known_profile_and_x_s_words(x):
    connected(x)
    x.post("people", [{"id": CLEO, "username": "cleo", "name": "Cleo", "is_suspended": True}])
    cleo, ada = looked_up(named(CLEO, username="cleo_old", name="Cleo", profile_seen_at=SEEN), named(ADA))
    assert (cleo.username, cleo.name, cleo.profile_seen_at) == ("cleo_old", "Cleo", SEEN)
    assert cleo.unavailable_since
    assert "suspended" in cleo.unavailable_reason
    assert cleo.lookup_due_at is None
    assert (ada.username, ada.unavailable_since) == ("ada_lamps", None)


def test_an_answer_of_nothing_but_refusals_is_an_answer(x):
    connected(x)
    x.post("people", [{"id": CLEO, "username": "cleo", "name": "Cleo", "is_suspended": True}])
    cleo, nobody = looked_up(named(CLEO), named("404"))
    assert "suspended" in cleo.unavailable_reason
    assert "404" in nobody.unavailable_reason
    assert cleo.lookup_due_at is None
    assert nobody.lookup_due_at is None


def test_who_comes_back_is_available_again(x):
    connected(x)
    (ada,) = looked_up(named(ADA, unavailable_since=SEEN, unavailable_reason="User has been suspended."))
    assert (ada.unavailable_since, ada.unavailable_reason) == (None, "")


def test_a_hundred_go_in_one_call(x):
    connected(x)
    numbers = [str(3_000_000 + number) for number in range(130)]
    x.post("people", [{"id": pk, "username": f"customer{pk}", "name": "Customer"} for pk in numbers])
    for pk in numbers:
        named(pk)
    look_up_due_people()
    look_up_due_people()
    assert [len(ids) for ids in calls(x)] == [100, 30]
    assert not XUser.objects.filter(lookup_due_at__isnull=False).exists()


@pytest.mark.parametrize(
    ("fault", "wait", "attempts"),
    [
        ({"kind": "500-html"}, timedelta(seconds=5), 1),
        ({"kind": "cut-before"}, timedelta(seconds=5), 1),
        ({"kind": "429-no-reset"}, timedelta(minutes=14), 0),
        ({"kind": "402"}, timedelta(minutes=55), 1),
    ],
)
def test_trouble_puts_the_lookup_off(x, fault, wait, attempts):
    connected(x)
    ada = named(ADA)
    x.post("faults", fault)
    looked_up(ada)
    assert (ada.username, ada.lookup_attempts) == ("", attempts)
    assert timezone.now() + wait < ada.lookup_due_at < timezone.now() + timedelta(hours=2)


def odd_answer(x, *people, times=1):
    x.post("faults", {"kind": "body", "path": "^/2/users$", "body": {"data": people}, "times": times})


def test_who_cannot_be_read_is_kept_raw_and_the_others_are_stored(x):
    x_account = connected(x)
    odd_answer(x, {"id": ADA, "name": ["Ada"]}, {"id": BEN, "username": "ben_reads", "name": "Ben"})
    ada, ben = looked_up(named(ADA), named(BEN))
    assert ben.username == "ben_reads"
    assert (ada.lookup_attempts, ada.unavailable_since) == (1, None)
    row = QuarantinedEvent.objects.get()
    assert (row.x_account, row.raw["id"], row.reason) == (x_account, ADA, "name is not text")
    assert SyncState.objects.get().odd_events == 1


@pytest.mark.parametrize("told", [{"id": ADA, "name": ["Ada"]}, {"id": None}, "Ada"])
def test_who_cannot_be_read_for_hours_is_not_asked_for_any_more(x, told):
    connected(x)
    ada = named(ADA, lookup_attempts=by_id.MOST_TRIES - 2, username="ada_before")
    ben = named(BEN, lookup_attempts=by_id.MOST_TRIES - 2)
    odd_answer(x, told, {"id": BEN, "username": "ben_reads", "name": "Ben"}, times=-1)
    looked_up(ada, ben)
    assert ada.lookup_due_at is not None
    XUser.objects.filter(pk=ada.pk).update(lookup_due_at=timezone.now())
    looked_up(ada)
    assert (ada.lookup_due_at, ada.unavailable_reason, ada.username) == (None, by_id.UNREADABLE, "ada_before")
    assert (ben.username, ben.unavailable_since) == ("ben_reads", None)
    look_up_due_people()
    assert len(calls(x)) == 2


def test_whom_x_leaves_out_without_a_word_is_asked_for_again(x):
    connected(x)
    ada = named(ADA, lookup_attempts=1000)
    odd_answer(x, {"id": BEN, "name": ["Ben"]})
    looked_up(ada)
    assert ada.unavailable_since is None
    assert timezone.now() < ada.lookup_due_at < timezone.now() + timedelta(minutes=15)


def test_a_lookup_without_credit_stops_the_polling_of_all(x):
    sync = SyncStateFactory(x_account=connected(x))
    x.post("faults", {"kind": "402"})
    looked_up(named(ADA))
    sync.refresh_from_db()
    assert sync.state == SyncState.State.NO_CREDIT
    assert sync.next_poll_at > timezone.now() + timedelta(minutes=55)


def test_a_window_without_a_request_left_is_waited_for_without_a_call(x):
    first, second = connected(x), connected(x, STUDIO)
    window = {"endpoint": "GET /2/users", "limit": 300, "resets": timezone.now(), "remaining": 0}
    RateWindow.objects.create(x_account=first, reset_at=timezone.now() + timedelta(minutes=9), **window)
    alone, both = named(ADA, first), named(BEN, first, second)
    looked_up(alone, both)
    assert both.username == "ben_reads"
    assert [request["user_id"] for request in x.get("requests")] == [STUDIO]
    assert (alone.username, alone.lookup_attempts) == ("", 0)
    assert timedelta(minutes=8) < alone.lookup_due_at - timezone.now() < timedelta(minutes=10)
    RateWindow.objects.filter(x_account=first).update(reset_at=timezone.now())
    XUser.objects.filter(pk=alone.pk).update(lookup_due_at=timezone.now())
    looked_up(alone)
    assert alone.username == "ada_lamps"


def test_people_looked_up_count_towards_the_ceiling_while_the_import_runs(x):
    sync = SyncStateFactory(x_account=connected(x))
    looked_up(named(ADA))
    sync.refresh_from_db()
    assert sync.import_spent_usd == BilledResource.objects.filter(kind="user").count() * settings.PRICE_USER_USD > 0


def test_the_next_account_asks_where_the_first_may_not(x):
    first = connected(x)
    connected(x, STUDIO)
    x.post("faults", {"kind": "403", "user_id": HELP})
    (ada,) = looked_up(named(ADA))
    assert ada.username == "ada_lamps"
    assert [request["user_id"] for request in x.get("requests")] == [str(first.x_user_id), STUDIO]


def test_without_a_connected_account_people_stay_due(x):
    connected(x)
    XAccount.objects.update(state=XAccount.State.RECONNECT)
    (ada,) = looked_up(named(ADA))
    assert ada.lookup_due_at <= timezone.now()
    assert ada.lookup_attempts == 0


def test_what_it_costs_is_written_down(x):
    connected(x)
    named(ADA)
    look_up_due_people()
    assert list(BilledResource.objects.values_list("kind", "resource_id")) == [("user", int(ADA))]


def test_each_person_is_claimed_by_one_worker(x):
    named(ADA)
    assert [row.pk for row in module._claim([int(ADA)])] == [int(ADA)]
    assert module._claim([int(ADA)]) == []


def test_a_profile_shown_meanwhile_is_not_asked_for_again(x, monkeypatch):
    connected(x)
    ada = named(ADA)
    x.post("faults", {"kind": "500-html"})
    real = module.ledger.call

    def shown_meanwhile(x_account, fn):
        XUser.objects.filter(pk=ada.pk).update(username="ada_lamps", lookup_due_at=None)
        return real(x_account, fn)

    monkeypatch.setattr(module.ledger, "call", shown_meanwhile)
    looked_up(ada)
    assert (ada.username, ada.lookup_due_at) == ("ada_lamps", None)
