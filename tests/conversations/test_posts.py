"""Details of shared posts: once per post, a hundred at a time, and no card is ever worse for it."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import XAccount
from conversations.models import BilledResource, MediaFile, Post, QuarantinedEvent, RateWindow, SyncState, XUser
from conversations.sync import by_id, trouble
from conversations.sync import posts as module
from conversations.sync.posts import fetch_due_details
from tests.conversations.x_world import ADA, BEN, CLEO, STUDIO, asked, connected, post, shared
from tests.factories import SyncStateFactory

pytestmark = pytest.mark.django_db
State = Post.State
LAMP, SWITCH, POLL, HIDDEN, GONE = 1861000000000000001, 1861000000000000002, 1861000000000000003, 77, 78


def photo(x, media_key):
    item = {"media_key": media_key, "type": "photo", "width": 8, "height": 6, "alt_text": "A lamp"}
    path = f"/media/{media_key}.jpg"
    x.post("media", [item | {"url_path": path, "files": {path: "loop-glow-240x240-poster.jpg"}}])


def fetched(*rows):
    fetch_due_details()
    for row in rows:
        row.refresh_from_db()
    return rows


def calls(x):
    return asked(x, "/2/tweets")


def test_author_media_poll_time_and_entities_come_with_one_call(x):
    photo(x, "3_1")
    poll = {"id": "5", "options": [{"position": 1, "label": "Brass", "votes": 3}], "voting_status": "open"}
    tag = {"hashtags": [{"start": 0, "end": 5, "tag": "lamp"}]}
    post(x, LAMP, media_keys=["3_1"], entities=tag, text="#lamp of the year")
    post(x, POLL, author=BEN, poll=poll)
    lamp, vote = fetched(*shared(connected(x), LAMP, POLL))
    assert (lamp.state, vote.state) == (State.COMPLETE, State.COMPLETE)
    assert (lamp.text, lamp.author.username, lamp.created_at.year) == ("#lamp of the year", "ada_lamps", 2026)
    assert lamp.entities["hashtags"][0]["tag"] == "lamp"
    media = lamp.media.get()
    assert (media.media_key, media.alt_text, media.file.source_url) == ("3_1", "A lamp", f"{x.url}/media/3_1.jpg")
    assert media.file.x_account is None
    assert vote.poll["options"][0]["label"] == "Brass"
    assert vote.author_id == int(BEN)
    assert lamp.fetched_at
    assert lamp.details_due_at is None
    assert calls(x) == [[str(LAMP), str(POLL)]]


def test_what_cannot_be_read_is_kept_raw_and_after_hours_not_asked_for_any_more(x):
    x_account = connected(x)
    lamp, switch = shared(x_account, LAMP, SWITCH)
    Post.objects.filter(pk=LAMP).update(details_attempts=by_id.MOST_TRIES - 1)
    body = {"data": [{"id": str(LAMP), "text": 5}, {"id": str(SWITCH), "text": {}}], "includes": {"media": [7]}}
    x.post("faults", {"kind": "body", "path": "^/2/tweets$", "body": body})
    fetched(lamp, switch)
    assert (lamp.state, lamp.unavailable_reason, lamp.details_due_at) == (State.UNAVAILABLE, by_id.UNREADABLE, None)
    assert (switch.state, switch.details_attempts) == (State.DUE, 1)
    assert switch.details_due_at > timezone.now()
    rows = QuarantinedEvent.objects.filter(x_account=x_account)
    assert sorted(row.reason for row in rows) == ["text is not text"] * 2 + ["the media is not an object"]


def test_a_window_without_a_request_left_is_waited_for_without_a_call(x):
    post(x, LAMP)
    x_account = connected(x)
    (lamp,) = shared(x_account, LAMP)
    reset_at = timezone.now() + timedelta(minutes=9)
    RateWindow.objects.create(
        x_account=x_account, endpoint="GET /2/tweets", limit=300, remaining=0, reset_at=reset_at, resets=reset_at
    )
    fetched(lamp)
    assert calls(x) == []
    assert (lamp.state, lamp.details_attempts) == (State.DUE, 0)
    assert timedelta(minutes=8) < lamp.details_due_at - timezone.now() < timedelta(minutes=10)


def test_a_post_is_asked_for_once(x):
    post(x, LAMP)
    shared(connected(x), LAMP)
    fetch_due_details()
    fetch_due_details()
    assert len(calls(x)) == 1


def test_a_quoted_post_is_complete_without_a_call_of_its_own(x):
    photo(x, "3_2")
    post(x, SWITCH, author=BEN, media_keys=["3_2"], text="The switch")
    post(x, LAMP, referenced=[{"type": "quoted", "id": str(SWITCH)}])
    (lamp,) = fetched(*shared(connected(x), LAMP))
    quoted = lamp.quoted
    assert (quoted.pk, quoted.text, quoted.author.username) == (SWITCH, "The switch", "ben_reads")
    assert quoted.state == State.COMPLETE
    assert quoted.media.get().media_key == "3_2"
    fetch_due_details()
    assert calls(x) == [[str(LAMP)]]


def test_a_quoted_poll_is_asked_for_by_its_own_id(x):
    post(x, POLL, poll={"id": "5", "options": [], "voting_status": "closed"})
    post(x, LAMP, referenced=[{"type": "quoted", "id": str(POLL)}])
    (lamp,) = fetched(*shared(connected(x), LAMP))
    assert lamp.quoted.state == State.DUE
    fetch_due_details()
    lamp.quoted.refresh_from_db()
    assert lamp.quoted.poll["voting_status"] == "closed"
    assert calls(x) == [[str(LAMP)], [str(POLL)]]


def test_in_the_post_vocabulary_a_quoted_post_is_asked_for_by_its_own_id(x, settings):
    settings.X_VOCABULARY = "post"
    photo(x, "3_2")
    post(x, SWITCH, author=BEN, media_keys=["3_2"])
    post(x, LAMP, referenced=[{"type": "quoted", "id": str(SWITCH)}])
    (lamp,) = fetched(*shared(connected(x), LAMP))
    fetch_due_details()
    lamp.refresh_from_db()
    assert (lamp.state, lamp.author_id) == (State.COMPLETE, int(ADA))
    assert (lamp.quoted.state, lamp.quoted.author.username) == (State.COMPLETE, "ben_reads")
    assert lamp.quoted.media.get().media_key == "3_2"
    assert calls(x) == [[str(LAMP)], [str(SWITCH)]]


def test_what_a_quoted_post_quotes_is_not_followed(x):
    post(x, 3)
    post(x, 2, referenced=[{"type": "quoted", "id": "3"}])
    post(x, 1, referenced=[{"type": "quoted", "id": "2"}])
    shared(connected(x), 1)
    fetch_due_details()
    fetch_due_details()
    assert set(Post.objects.values_list("pk", flat=True)) == {1, 2}


def test_an_answered_post_is_no_quoted_post(x):
    post(x, SWITCH)
    post(x, LAMP, referenced=[{"type": "replied_to", "id": str(SWITCH)}])
    (lamp,) = fetched(*shared(connected(x), LAMP))
    assert lamp.quoted is None
    assert not Post.objects.filter(pk=SWITCH).exists()


def test_protected_and_deleted_posts_keep_what_the_event_showed_and_say_why(x):
    post(x, HIDDEN, state="protected")
    post(x, GONE, state="deleted")
    post(x, LAMP)
    hidden, gone, missing, lamp = fetched(*shared(connected(x), HIDDEN, GONE, 79, LAMP))
    assert {row.state for row in (hidden, gone, missing)} == {State.UNAVAILABLE}
    assert all(row.text == "as the event showed it" for row in (hidden, gone, missing))
    assert "authorized" in hidden.unavailable_reason
    assert "Could not find" in gone.unavailable_reason
    assert lamp.state == State.COMPLETE
    fetch_due_details()
    assert len(calls(x)) == 1


def test_an_answer_of_nothing_but_refusals_says_why_too(x):
    post(x, HIDDEN, state="protected")
    hidden, gone = fetched(*shared(connected(x), HIDDEN, GONE))
    assert hidden.state == gone.state == State.UNAVAILABLE
    assert "authorized" in hidden.unavailable_reason
    assert str(GONE) in gone.unavailable_reason


def test_a_protected_quoted_post_is_a_plain_card(x):
    post(x, HIDDEN, state="protected")
    post(x, LAMP, referenced=[{"type": "quoted", "id": str(HIDDEN)}])
    (lamp,) = fetched(*shared(connected(x), LAMP))
    assert lamp.state == State.COMPLETE
    assert lamp.quoted.state == State.UNAVAILABLE
    assert lamp.quoted.unavailable_reason
    fetch_due_details()
    assert len(calls(x)) == 1


def test_a_suspended_author_is_a_bare_id_that_will_be_looked_up(x):
    x.post("people", [{"id": CLEO, "username": "cleo", "name": "Cleo", "is_suspended": True}])
    post(x, LAMP, author=CLEO)
    (lamp,) = fetched(*shared(connected(x), LAMP))
    assert lamp.state == State.COMPLETE
    assert XUser.objects.get(pk=int(CLEO)).lookup_due_at


def test_a_hundred_go_in_one_call_and_each_account_asks_for_its_own(x):
    numbers = range(1, 131)
    for number in numbers:
        post(x, number)
    ours, studio = connected(x), connected(x, STUDIO)
    shared(ours, *range(1, 121))
    shared(studio, *range(121, 131))
    fetch_due_details()
    assert sorted(len(ids) for ids in calls(x)) == [10, 100]
    assert {request["user_id"] for request in x.get("requests")} == {str(ours.x_user_id), STUDIO}
    fetch_due_details()
    assert Post.objects.filter(state=State.COMPLETE).count() == 130


def test_another_account_that_was_shown_the_post_asks_when_the_first_is_gone(x):
    post(x, LAMP)
    (lamp,) = shared(connected(x), LAMP)
    XAccount.objects.update(state=XAccount.State.DISCONNECTED)
    fetched(lamp)
    assert lamp.state == State.DUE
    assert lamp.details_due_at > timezone.now() + timedelta(minutes=30)
    assert calls(x) == []

    other = connected(x, STUDIO)
    event_of_other = shared(other, 5)[0].events.get()
    event_of_other.event_posts.create(post=lamp)
    Post.objects.update(details_due_at=timezone.now())
    fetched(lamp)
    assert lamp.state == State.COMPLETE


@pytest.mark.parametrize(
    ("fault", "wait", "attempts"),
    [
        ({"kind": "500-html"}, timedelta(seconds=5), 1),
        ({"kind": "503-empty"}, timedelta(seconds=5), 1),
        ({"kind": "cut-before"}, timedelta(seconds=5), 1),
        ({"kind": "429-no-reset"}, timedelta(minutes=14), 0),
        ({"kind": "402"}, timedelta(minutes=55), 1),
        ({"kind": "403-client-not-enrolled"}, timedelta(minutes=55), 0),
        ({"kind": "404"}, timedelta(minutes=55), 1),
    ],
)
def test_trouble_puts_the_details_off_and_leaves_the_card_as_it_was(x, fault, wait, attempts):
    post(x, LAMP)
    (lamp,) = shared(connected(x), LAMP)
    x.post("faults", fault)
    fetched(lamp)
    assert (lamp.state, lamp.text, lamp.details_attempts) == (State.DUE, "as the event showed it", attempts)
    assert timezone.now() + wait < lamp.details_due_at < timezone.now() + timedelta(hours=2)
    Post.objects.update(details_due_at=timezone.now())
    trouble.heed_answer(timezone.now())
    fetched(lamp)
    assert (lamp.state, lamp.text) == (State.COMPLETE, f"Post {LAMP}")


def test_details_without_credit_stop_the_polling_of_all(x):
    post(x, LAMP)
    sync = SyncStateFactory(x_account=connected(x))
    (lamp,) = shared(sync.x_account, LAMP)
    x.post("faults", {"kind": "402"})
    fetched(lamp)
    sync.refresh_from_db()
    assert sync.state == SyncState.State.NO_CREDIT


def test_a_post_x_says_nothing_about_is_asked_for_again_later(x):
    (lamp,) = shared(connected(x), LAMP)
    x.post("faults", {"kind": "body", "status": 200, "body": {"data": [{"id": "99", "text": "another"}]}})
    fetched(lamp)
    assert lamp.state == State.DUE
    assert lamp.details_due_at > timezone.now()
    assert not Post.objects.filter(pk=99).exists()


def test_a_passing_problem_is_no_verdict(x):
    (lamp,) = shared(connected(x), LAMP)
    problem = {"resource_id": str(LAMP), "resource_type": "tweet", "title": "Oops", "detail": "Try again"}
    kind = "https://api.x.com/2/problems/internal-error"
    body = {"data": [{"id": "99", "text": "another"}], "errors": [problem | {"type": kind}]}
    x.post("faults", {"kind": "body", "status": 200, "body": body})
    fetched(lamp)
    assert lamp.state == State.DUE


def test_what_it_costs_is_written_down_once(x):
    post(x, SWITCH, author=BEN)
    post(x, LAMP, referenced=[{"type": "quoted", "id": str(SWITCH)}])
    shared(connected(x), LAMP)
    fetch_due_details()
    billed = set(BilledResource.objects.values_list("kind", "resource_id"))
    assert billed == {("post", LAMP), ("post", SWITCH), ("user", int(ADA)), ("user", int(BEN))}
    meter = x.get("meter")["today"]
    assert (meter["posts"], meter["users"]) == (2, 2)


def test_without_credit_nothing_is_asked(x):
    post(x, LAMP)
    x_account = connected(x)
    shared(x_account, LAMP)
    trouble.stop_all_for_credit()
    fetch_due_details()
    assert calls(x) == []


def test_each_post_is_claimed_by_one_worker_until_its_lease_ran_out(x):
    shared(connected(x), LAMP)
    assert [row.pk for row in module._claim([LAMP])] == [LAMP]
    assert module._claim([LAMP]) == []
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        assert [row.pk for row in module._claim([LAMP])] == [LAMP]


def test_no_transaction_is_open_during_the_call(x, monkeypatch, django_assert_max_num_queries):
    depths = []
    real = module.ledger.call

    def spy(x_account, fn):
        from django.db import connection

        depths.append(len(connection.savepoint_ids))
        return real(x_account, fn)

    monkeypatch.setattr(module.ledger, "call", spy)
    for number in range(1, 41):
        post(x, number)
    shared(connected(x), *range(1, 41))
    with django_assert_max_num_queries(60):
        fetch_due_details()
    assert depths == [0]
    assert Post.objects.filter(state=State.COMPLETE).count() == 40


def test_a_shown_post_wants_its_files(x):
    photo(x, "3_1")
    post(x, LAMP, media_keys=["3_1"])
    shared(connected(x), LAMP)
    fetch_due_details()
    assert MediaFile.objects.filter(source_url=f"{x.url}/media/3_1.jpg", state=MediaFile.State.DUE).exists()
