"""No page has words that a catalogue could not translate: all of them are drawn in a language that stands in brackets.

What people wrote and are called stands in Greek letters here, so that whatever is Latin is ours.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from string import ascii_lowercase, ascii_uppercase

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import AnonymousUser
from django.template.loader import render_to_string
from django.test import RequestFactory

from accounts import actions, failures
from accounts.failures import FlowError
from accounts.models import Membership, XAccount, snowflake_floor
from conversations.models import (
    ActivitySubscription,
    ApiCall,
    ConversationLookup,
    DmEvent,
    HistoryRead,
    Media,
    Participant,
    Post,
    PushState,
    RateWindow,
    ReadInterval,
    SavedView,
    SyncState,
    UnfinishedDay,
    XUser,
    XUserLook,
    XUserName,
)
from conversations.sync import by_id, history, opening, subscription_rows, subscriptions, trouble, unfinished_days
from dminbox.wording import CAP_REACHED, WITH_ID
from dminbox.xapi import error_table
from tests import factories, pseudo
from tests.conversations.search_support import index_all
from tests.e2e import rich

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC)
GREEK = str.maketrans(ascii_lowercase + ascii_uppercase, "αβψδεφγηιξκλμνοπθρστυωςχυζΑΒΨΔΕΦΓΗΙΞΚΛΜΝΟΠΘΡΣΤΥΩΣΧΥΖ")
HTMX = {"HX-Request": "true"}
MANGLED = re.compile(r' (?:[xy]|d|width|height|viewBox|min|max|value|data-[a-z]+)="[^"]*[0-9],[0-9][^"]*"')
"""A number with a comma where a program reads it."""
SAID = [
    (XUser, "name"),
    (XUserName, "name"),
    (XUserLook, "description"),
    (XUserLook, "location"),
    (DmEvent, "text"),
    (Post, "text"),
    (Media, "alt_text"),
]
SAID += [(XAccount, "name"), (SavedView, "name")]

PAGES = {
    "the inbox": "/",
    "one account's inbox": "/?account={support}",
    "an inbox with nothing": "/?kind=group&unread=1&account={studio}",
    "all filters": "/?unread=1&unanswered=1&media=1&post=1&since=2025-01-02&until=2031-02-03&person=ada_lindqvist",
    "nothing older": "/?account={studio}&after=1-1",
    "a thread": "/c/{everything}/",
    "its joins alone": "/c/{everything}/?show=people",
    "a long thread": "/c/{long}/",
    "its middle": "/c/{long}/?before={middle}",
    "its older part": "/c/{long}/older/?before={middle}",
    "its newer part": "/c/{long}/newer/?after={middle}",
    "a group": "/c/{group}/",
    "messages of a group": "/c/{group}/?show=messages",
    "an encrypted conversation": "/c/{locked}/",
    "a history that is read": "/c/{small}/",
    "a message": "/c/{everything}/e/{message}/more/",
    "a message without text": "/c/{everything}/e/{wordless}/more/",
    "the raw event": "/c/{everything}/e/{message}/raw/",
    "the media": "/c/{everything}/media/",
    "no media": "/c/{long}/media/",
    "how busy it is": "/c/{everything}/activity/",
    "a person": "/people/{person}/",
    "a person X suspended": "/people/{suspended}/",
    "the palette": "/palette/",
    "the palette, asked": "/palette/?q=αδα",
    "a search": "/search/",
    "a search that finds": "/search/?q=ηελλο",
    "a search that finds nothing": "/search/?q=ζζζζζζ",
    "a search nobody understands": "/search/?q=-from:@a has:x in: before:x from:nobody_ever ...",
    "a search that is too long": "/search/?q={too_long}",
    "opening": "/open/",
    "asking": "/open/{asking}/",
    "asked, found": "/open/{found}/",
    "asked, none": "/open/{none}/",
    "asked, failed": "/open/{failed}/",
    "an X account": "/x-accounts/{support}/",
    "an X account that is paused": "/x-accounts/{studio}/",
    "an X account that is disconnected": "/x-accounts/{gone}/",
    "an X account nobody chose for": "/x-accounts/{new}/",
    "the choice": "/x-accounts/{new}/start/",
    "the profile": "/profile/",
    "another password": "/accounts/password/change/",
    "signing out": "/accounts/logout/",
    "the kept list": "/offline/",
    "nothing kept": "/offline/empty/",
    "an invitation for somebody else": "/invitations/{for_ben}/",
    "an invitation to join": "/invitations/{for_ada}/",
    "no such page": "/nowhere/",
}
STATUS = {"an invitation for somebody else": 403, "no such page": 404}
DEEDS = {
    "a view that is kept": ("/views/", {"name": "Φ", "query": "unread=1"}),
    "a view that is removed": ("/views/{view}/drop/", {}),
    "the profile, saved": ("/profile/", {"name": "Αδα", "time_zone": "Europe/Oslo"}),
    "the profile, wrong": ("/profile/", {"name": "", "time_zone": "Nowhere/Never"}),
    "a cap": ("/x-accounts/{support}/cap/", {"cap": "50"}),
    "no cap": ("/x-accounts/{support}/cap/", {"cap": ""}),
    "a wrong cap": ("/x-accounts/{support}/cap/", {"cap": "x"}),
    "too small a cap": ("/x-accounts/{support}/cap/", {"cap": "0"}),
    "a choice the cap forbids": ("/x-accounts/{new}/start/", {"days": "30", "ceiling": "20"}),
    "going on where the cap forbids it": ("/x-accounts/{studio}/resume/", {}),
    "reading back where the cap forbids it": ("/c/{of_studio}/history/", {"told": "1000"}),
    "reading back at a price of yesterday": ("/c/{of_studio}/history/", {}),
    "disconnecting": ("/x-accounts/{gone}/disconnect/", {}),
    "opening what is here": ("/open/", {"x_account": "{support}", "target": "ada_lindqvist"}),
    "opening an encrypted one": ("/open/", {"x_account": "{support}", "target": "https://x.com/i/chat/1"}),
    "opening another's": ("/open/", {"x_account": "{support}", "target": "1-2"}),
    "opening no address": ("/open/", {"x_account": "{support}", "target": "https://elsewhere.example/ada"}),
    "opening no name": ("/open/", {"x_account": "{support}", "target": "ä b"}),
    "opening nothing": ("/open/", {"x_account": "", "target": ""}),
    "a wrong old password": ("/accounts/password/change/", {"oldpassword": "x", "password1": "1", "password2": "2"}),
    "unlinking the only way in": ("/profile/x/{identity}/unlink/", {}),
}


@pytest.fixture
def world(ada):
    """One of everything, and every state that has words of its own; names and texts in Greek letters."""
    found = rich.fill(ada, NOW)
    index_all()
    names = _names(found) | _wishes(found, ada) | _x_accounts(found, ada) | _people(found, ada)
    _push(found.support)
    XAccount.objects.filter(pk=found.support.pk).update(connected_at=NOW - timedelta(days=20))
    for model, field in SAID:
        _in_greek(model, field)
    index_all()
    for_ada = actions.invite(ada.email, x_account=found.support)
    for_ben = actions.invite("ben@example.com", x_account=found.support, makes_owner=True)
    return names | {"for_ada": for_ada.split("/")[-2], "for_ben": for_ben.split("/")[-2], "too_long": "α " * 300}


def _in_greek(model, field):
    rows = list(model.objects.exclude(**{field: None}))
    for row in rows:
        setattr(row, field, getattr(row, field).translate(GREEK))
    model.objects.bulk_update(rows, [field])
    for post in Post.objects.exclude(poll=None):
        for option in (post.poll or {}).get("options", []):
            option["label"] = option["label"].translate(GREEK)
        post.save()


def _names(found):
    events = found.everything.events
    return {
        "everything": found.everything.pk,
        "group": found.group.pk,
        "long": found.long.pk,
        "middle": found.long.events.order_by("dm_event_id")[100].dm_event_id,
        "message": events.exclude(text=None).first().dm_event_id,
        "wordless": events.messages().filter(text=None).first().dm_event_id,
        "of_studio": found.studio.conversations.first().pk,
    }


def _wishes(found, ada):
    """Everything a person asked X for, and what became of it."""
    rows = {
        "asking": ("due", trouble.NO_ANSWER),
        "found": ("found", ""),
        "none": ("none", opening.NONE),
        "failed": ("failed", opening.NO_TARGET),
    }
    asked = {
        name: ConversationLookup.objects.create(
            x_account=found.support, asked_by=ada, kind="user_id", target="7", state=state, detail=detail
        ).pk
        for name, (state, detail) in rows.items()
    }
    small = list(found.support.conversations.exclude(pk__in=[found.everything.pk, found.group.pk, found.long.pk])[:2])
    HistoryRead.objects.create(conversation=small[0], asked_by=ada, state="due", detail=history.RESTING, events_read=3)
    HistoryRead.objects.create(conversation=found.group, asked_by=ada, state="failed", detail=trouble.NOT_THERE)
    HistoryRead.objects.create(conversation=found.everything, asked_by=ada, state="done", detail=history.NO_MORE)
    small[1].encrypted_at, small[1].last_encrypted_at = NOW - timedelta(days=1), NOW
    small[1].save()
    return asked | {"small": small[0].pk, "locked": small[1].pk}


def _x_accounts(found, ada):
    new = factories.XAccountFactory(username="NordlichtNew")
    gone = factories.XAccountFactory(
        username="NordlichtGone", state="disconnected", state_detail="Disconnected by Αδα."
    )
    for x_account in (new, gone):
        Membership.objects.create(user=ada, x_account=x_account, role="admin")
    factories.SyncStateFactory(x_account=new, state="waiting", monthly_cap_usd=1)
    factories.SyncStateFactory(x_account=gone)
    SyncState.objects.filter(x_account=found.studio).update(
        state="paused",
        detail=CAP_REACHED % {"usd": "12.00"},
        monthly_cap_usd=0,
        odd_events=2,
        rate_limit=15,
        rate_remaining=3,
        rate_reset_at=NOW + timedelta(minutes=5),
        import_ceiling_usd=5,
        import_spent_usd=5,
    )
    newest = found.studio.conversations.first().last_dm_event_id
    day_before = snowflake_floor(NOW - timedelta(days=1))
    ReadInterval.objects.create(x_account=found.studio, low_id=newest - 9, high_id=newest, next_token="t")
    ReadInterval.objects.create(x_account=found.studio, low_id=day_before - 9, high_id=day_before)
    RateWindow.objects.create(
        x_account=found.support, endpoint="GET /2", limit=15, remaining=3, reset_at=NOW, resets=NOW
    )
    for status in (200, 500):
        ApiCall.objects.create(x_account=found.support, endpoint="GET /2/dm_events", status=status, rate_limit=15)
    for state, detail in (("noted", unfinished_days.USED_UP), ("failed", trouble.NOT_THERE), ("due", "")):
        day = NOW.date() - timedelta(days=found.support.unfinished_days.count() + 1)
        UnfinishedDay.objects.create(x_account=found.support, day=day, state=state, detail=detail)
    return {"support": found.support.pk, "studio": found.studio.pk, "new": new.pk, "gone": gone.pk}


def _people(found, ada):
    suspended = found.people[5]
    suspended.unavailable_reason = by_id.NOT_SHOWN
    suspended.save()
    ada.name = "Αδα"
    ada.save()
    was = XUserName.objects.create(
        x_user=found.people[0], name="Before", username="ada_before", seen_from=NOW, seen_until=NOW
    )
    assert was
    XUserLook.objects.create(x_user=found.people[0], description="Said", seen_from=NOW, seen_until=NOW)
    XUserLook.objects.create(x_user=found.people[0], location="There", seen_from=NOW, seen_until=NOW - timedelta(1))
    Participant.objects.filter(conversation=found.group, x_user=found.people[1]).update(
        typing_until=NOW + timedelta(hours=1)
    )
    view = SavedView.objects.create(user=ada, name="Urgent", query="unanswered=1")
    identity = SocialAccount.objects.create(
        user=ada, provider="twitter_oauth2", uid="7", extra_data={"username": "ada_lindqvist"}
    )
    return {"person": found.people[0].pk, "suspended": suspended.pk, "view": view.pk, "identity": identity.pk}


def _push(x_account):
    PushState.objects.update_or_create(
        pk=1, defaults={"state": "refused", "detail": error_table.ENROL, "next_try_at": NOW}
    )
    for state, detail in (("active", ""), ("over_cap", subscription_rows.OVER_CAP), ("refused", subscriptions.REFUSED)):
        ActivitySubscription.objects.create(x_account=x_account, event_type=f"dm.{state}", state=state, detail=detail)


def left_on(*answers):
    """What no translation was asked for, of pages that must be there."""
    found = []
    for answer in answers:
        if "html" in answer.headers.get("Content-Type", "") or answer.content:
            found += pseudo.unmarked(answer.content.decode())
    return list(dict.fromkeys(found))


def told(found):
    """One line for each page, for whoever has to mark them."""
    return "\n".join(f"{name}: {words}" for name, words in found.items() if words)


def test_no_page_of_a_member_has_words_that_cannot_be_translated(client, ada, world):
    client.force_login(ada)
    found = {}
    for name, path in PAGES.items():
        with pseudo.brackets():
            answer = client.get(path.format(**world))
        assert answer.status_code == STATUS.get(name, 200), (name, answer.status_code)
        found[name] = left_on(answer)
    assert told(found) == ""


def test_no_part_that_is_put_into_a_page_has_words_that_cannot_be_translated(client, ada, world):
    client.force_login(ada)
    found = {}
    for path in ("/c/{small}/history/?before=1", "/open/{asking}/", "/c/{everything}/activity/"):
        with pseudo.brackets():
            found[path] = left_on(client.get(path.format(**world), headers=HTMX))
    assert told(found) == ""


def test_no_answer_to_a_deed_has_words_that_cannot_be_translated(client, ada, world, settings):
    settings.X_REVOKE_URL = "https://127.0.0.1:9/"  # X cannot be told: its words are the longer ones
    client.force_login(ada)
    found = {}
    for name, (path, data) in DEEDS.items():
        with pseudo.brackets():
            fields = {key: value.format(**world) for key, value in data.items()}
            answer = client.post(path.format(**world), fields, follow=True)
        assert answer.status_code in (200, 422), (name, answer.status_code)
        found[name] = left_on(answer)
    assert told(found) == ""


@pytest.mark.parametrize("language", ["de", "ja", "ar"])
def test_every_page_is_there_in_every_language_and_machines_read_its_numbers(client, ada, world, language):
    ada.language = language
    ada.save()
    client.force_login(ada)
    for name, path in PAGES.items():
        answer = client.get(path.format(**world))
        assert answer.status_code == STATUS.get(name, 200), (name, answer.status_code)
        assert MANGLED.findall(answer.content.decode()) == [], name


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("en", "Friday, 20 November 2026"),
        ("de", "Freitag, 20. November 2026"),
        ("ja", "2026年11月20日 金曜日"),
        ("ar", "الجمعة، 20 نوفمبر 2026"),
    ],
)
def test_a_thread_writes_its_days_as_the_language_does(client, ada, language, written):
    ada.language, ada.time_zone = language, "UTC"
    ada.save()
    client.force_login(ada)
    event = factories.DmEventFactory(created_at=datetime(2026, 11, 20, 9, 0, tzinfo=UTC))
    Membership.objects.create(user=ada, x_account=event.conversation.x_account, role="agent")
    html = client.get(f"/c/{event.conversation.pk}/").content.decode()
    assert f'<time datetime="2026-11-20">{written}</time>' in html


@pytest.mark.parametrize("state", SyncState.State.values)
def test_no_state_of_reading_has_words_that_cannot_be_translated(client, ada, state):
    client.force_login(ada)
    x_account = factories.XAccountFactory(name="Νορδ")
    Membership.objects.create(user=ada, x_account=x_account, role="admin")
    ada.name = "Αδα"
    ada.save()
    detail = WITH_ID % {"sentence": trouble.UNREADABLE, "transaction": "7f"}
    factories.SyncStateFactory(x_account=x_account, state=state, detail=detail, next_poll_at=NOW + timedelta(hours=1))
    with pseudo.brackets():
        found = left_on(client.get("/"), client.get(f"/x-accounts/{x_account.pk}/"))
    assert found == []


@pytest.mark.parametrize("key", failures.FAILURES)
def test_no_failure_at_x_has_words_that_cannot_be_translated(key, ada):
    ada.name = "Αδα"
    for user, is_connecting in ((AnonymousUser(), False), (ada, True)):
        request = RequestFactory().get("/")
        request.user = user
        detail = error_table.SECRET if failures.FAILURES[key].status == 503 else "@somebody"
        with pseudo.brackets():
            answer = failures.page(request, FlowError(key, detail), is_connecting=is_connecting)
        assert left_on(answer) == []


def test_no_page_before_the_sign_in_has_words_that_cannot_be_translated(client, db, settings):
    settings.IS_DEMO = False  # the demo names people
    link = actions.new_setup_link()
    found = {}
    paths = {"setup": f"/setup/{link.split('/')[-2]}/", "setup gone": "/setup/x/", "sign-in": "/accounts/login/"}
    paths |= {"invitation gone": "/invitations/x/", "inactive": "/accounts/inactive/"}
    paths["invitation"] = f"/invitations/{actions.invite('ben@example.com').split('/')[-2]}/"
    for name, path in paths.items():
        for method in (client.get, client.post):
            with pseudo.brackets():
                found[f"{name} ({method.__name__})"] = left_on(method(path))
    assert told(found) == ""


@pytest.mark.parametrize("template", ["400.html", "403.html", "403_csrf.html", "404.html", "429.html", "500.html"])
def test_no_page_for_what_went_wrong_has_words_that_cannot_be_translated(template, db):
    with pseudo.brackets():
        assert pseudo.unmarked(render_to_string(template)) == []


def test_somebody_new_is_told_what_to_do_in_words_that_can_be_translated(client, ada, cleo):
    found = {}
    for user in (ada, cleo):
        user.name = "Αδα"
        user.save()
        client.force_login(user)
        for path in ("/", "/profile/", "/open/"):
            with pseudo.brackets():
                found[f"{path} for {user.email}"] = left_on(client.get(path))
    assert told(found) == ""


# --- The proof itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p>Forgotten words</p>", ["Forgotten words"]),
        ("<p>⟦Marked <b>words</b>, all of them⟧</p>", []),
        ("<p>⟦Marked⟧ and not</p>", ["and not"]),
        ('<button aria-label="Close">×</button>', ["Close"]),
        ('<p data-said-read="Marked as read">⟦x⟧</p>', ["Marked as read"]),
        ('<time title="Friday">21 Nov</time> <code>make run</code>', []),
        ("<p>@ada_lindqvist Αδα ada@example.com</p>", []),
        ('<p lang="en" class="soft words">⟦x⟧</p>', []),
    ],
)
def test_what_is_not_marked_is_found(html, left):
    assert pseudo.unmarked(html) == left
