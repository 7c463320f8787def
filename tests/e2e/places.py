"""Every page there is, by the name its pictures have: its address, in a world that has something on each of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from playwright.sync_api import Page

from accounts import actions
from accounts.models import Invitation, Membership, User, snowflake_floor
from conversations.models import ConversationLookup, Media, SavedView, SyncState, XUserLook, XUserName
from tests import factories
from tests.conversations.search_support import index_all
from tests.e2e import rich

if TYPE_CHECKING:
    from tests.e2e.conftest import Visit

STATUS = "performance.getEntriesByType('navigation')[0].responseStatus"
INBOX = {
    "inbox": "/",
    "inbox-unread": "/?unread=1",
    "inbox-nothing-found": "/?kind=group&unread=1&account={studio}",
    "view-saved": "/?unanswered=1",
    "view-in-arabic": "/?unread=1&media=1",
    "filters-by-person": "/?person=ada_lindqvist&since=2020-01-01",
    "filters-by-name": "/?person=customer",
    "filters-by-nobody": "/?person=nobody_ever",
    "kept-list": "/offline/",
    "kept-nothing": "/offline/empty/",
}
THREADS = {
    "thread": "/c/{everything}/",
    "thread-long": "/c/{long}/",
    "thread-group": "/c/{group}/",
    "thread-people": "/c/{group}/#people",
}
PARTS_OF_THREADS = {
    "thread-at-a-message": "/c/{everything}/?at={event}",
    "thread-joins": "/c/{group}/?show=people",
    "thread-encrypted": "/c/{encrypted}/",
}
BESIDE_THREADS = {
    "message": "/c/{everything}/e/{event}/more/",
    "raw-event": "/c/{everything}/e/{event}/raw/",
    "gallery": "/c/{everything}/media/",
    "gallery-empty": "/c/{long}/media/",
    "activity": "/c/{everything}/activity/",
    "people": "/c/{group}/people/",
    "person": "/people/{person}/",
    "person-suspended": "/people/{suspended}/",
    "not-found": "/c/999999999/",
}
SEARCHES = {
    "search": "/search/",
    "search-hits": "/search/?q=lamp",
    "search-hits-beside": "/search/?q=standing",
    "search-nothing": "/search/?q=zzzz",
    "search-slip": "/search/?q=from:osian",
    "search-of-a-person": "/search/?q=from:ossian",
    "search-for-a-person": "/search/?q=maryam",
    "search-of-media": "/search/?q=has:media",
    "search-in-japanese": "/search/?q=から",
    "search-not-understood": "/search/?q=has:stickers+lamp",
}
ACCOUNTS = {
    "open": "/open/",
    "lookup": "/open/{lookup}/",
    "x-account": "/x-accounts/{support}/",
    "x-account-in-trouble": "/x-accounts/{studio}/",
    "x-account-start": "/x-accounts/{new}/start/",
    "profile": "/profile/",
    "password-change": "/accounts/password/change/",
    "sign-out": "/accounts/logout/",
    "connecting-failed": "/x-accounts/callback/?error=access_denied&state=x",
}
OF_ADA = {
    "inbox": INBOX,
    "threads": THREADS,
    "parts-of-threads": PARTS_OF_THREADS,
    "beside-threads": BESIDE_THREADS,
    "searches": SEARCHES,
    "accounts": ACCOUNTS,
}
OF_CLEO = {
    "welcome-as-member": "/",
    "invitation-to-join": "/invitations/{for_cleo}/",
    "invitation-of-somebody-else": "/invitations/{for_ben}/",
    "password-set": "/accounts/password/set/",
}
OF_A_NEW_OWNER = {"welcome-as-owner": "/"}
SIGNED_OUT = {
    "sign-in": "/accounts/login/",
    "sign-in-failed": "/accounts/twitter_oauth2/login/callback/?error=access_denied&state=x",
    "not-active": "/accounts/inactive/",
    "invitation": "/invitations/{for_ben}/",
    "invitation-used": "/invitations/{used}/",
    "invitation-expired": "/invitations/{expired}/",
}
BEFORE_THERE_IS_AN_OWNER = {"set-up": "/setup/{setup}/", "set-up-gone": "/setup/x/"}
BROKEN = ("400", "403", "403_csrf", "404", "429", "500")
WITHOUT_A_PERSON = ("400", "500")
"""Whoever asked is not known by then, nor what they asked."""
STATUSES = {
    "not-found": 404,
    "connecting-failed": 400,
    "invitation-of-somebody-else": 403,
    "sign-in-failed": 400,
    "not-active": 403,
    "invitation-used": 404,
    "invitation-expired": 404,
    "set-up-gone": 404,
}
"""What such a page answers with, where that is not 200."""


def walk(seen: Visit, pages: dict[str, str], names: dict[str, object]) -> Iterator[tuple[str, Page]]:
    """One page after the other in one browser, as somebody would go through them."""
    for name, path in pages.items():
        status, address = STATUSES.get(name, 200), path.format(**names)
        if status != 200:  # which the browser tells of
            seen.expect_answer(status, address)
        page = seen.open(address)
        assert page.evaluate(STATUS) == status, name
        yield name, page


@transaction.atomic
def world(ada: User, cleo: User) -> dict[str, object]:
    """What the addresses name."""
    ada.time_zone = cleo.time_zone = "Europe/Oslo"
    ada.save()
    cleo.set_unusable_password()
    cleo.save()
    now = datetime.now(UTC)
    filled = rich.fill(ada, now)
    _fill_inbox(ada, filled, now)
    _fill_threads(filled, now)
    at = now - timedelta(minutes=5)
    encrypted = factories.ConversationFactory(
        x_account=filled.support, encrypted_at=at, last_encrypted_at=at, last_dm_event_id=snowflake_floor(at)
    )
    names = {**_x_accounts(ada, filled, now), **_invitations(cleo, filled, now)}
    index_all()
    return names | {
        "everything": filled.everything.pk,
        "long": filled.long.pk,
        "group": filled.group.pk,
        "encrypted": encrypted.pk,
        "event": filled.everything.events.order_by("dm_event_id")[0].dm_event_id,
        "person": filled.people[0].pk,
        "suspended": filled.people[5].pk,
    }


def _fill_inbox(ada: User, filled: rich.Rich, now: datetime) -> None:
    XUserName.objects.create(
        x_user=filled.people[0],
        name="Ada L.",
        username="ada_old",
        seen_from=now - timedelta(90),
        seen_until=now - timedelta(30),
    )
    former = {"description": "Lamps, mostly. هنا المصابيح", "location": "Bergen"}
    for months, looked in ((1, former), (2, former | {"avatar": rich.photo_file("avatar-former", 96, 80)})):
        until = now - timedelta(30 * months)
        XUserLook.objects.create(x_user=filled.people[0], seen_from=until - timedelta(9), seen_until=until, **looked)
    Media.objects.filter(media_key="5_1").update(alt_text="A standing lamp beside a window")
    SavedView.objects.create(user=ada, name="Waiting for an answer", query="unanswered=1")
    SavedView.objects.create(user=ada, name="مصابيح مكسورة", query="media=1&unread=1")


def _fill_threads(filled: rich.Rich, now: datetime) -> None:
    """What only looks of its own show: cards with pictures, a set of photos, a folded text, many comings and goings."""
    rich.link_cards(filled)
    talk = rich.Teller(filled.everything, now)
    photos = talk.say(filled.people[0], "Three more")
    for number in range(3):
        rich.attach(photos, rich.photo(f"5_7{number}", 800, 600, f"Photo {number + 1} of the shelf"))
    talk.say(filled.people[0], "The lamp flickers, then hums, then flickers again, and nobody here knows why. " * 30)
    rich.recount(filled.everything)
    crowd = [factories.XUserFactory() for _ in range(6)]
    talk = rich.Teller(filled.group, now)
    talk.move("ParticipantsJoin", crowd, by=filled.people[0])
    talk.move("ParticipantsLeave", crowd[:1])
    talk.move("ParticipantsLeave", crowd[1:2])
    rich.recount(filled.group)


def _x_accounts(ada: User, filled: rich.Rich, now: datetime) -> dict[str, object]:
    new = factories.XAccountFactory(username="NordlichtNew")
    Membership.objects.create(user=ada, x_account=new, role="admin")
    SyncState.objects.filter(x_account=filled.studio).update(state="no_credit", state_since=now - timedelta(hours=3))
    rich.day(filled.support, now)
    rich.push(filled.support, now)
    lookup = ConversationLookup.objects.create(x_account=filled.support, kind="username", target="odd_ossian")
    return {"support": filled.support.pk, "studio": filled.studio.pk, "new": new.pk, "lookup": lookup.pk}


def _invitations(cleo: User, filled: rich.Rich, now: datetime) -> dict[str, object]:
    emails = {name: f"{name}@example.com" for name in ("for_ben", "used", "expired")} | {"for_cleo": cleo.email}
    tokens = {name: actions.invite(email, x_account=filled.support).split("/")[-2] for name, email in emails.items()}
    Invitation.objects.filter(email=emails["used"]).update(used_at=now)
    Invitation.objects.filter(email=emails["expired"]).update(expires_at=now - timedelta(days=1))
    return dict(tokens)


def nobody_owns_it() -> dict[str, object]:
    """What the addresses of the very first visit name."""
    link = actions.new_setup_link()
    assert link
    return {"setup": link.split("/")[-2]}
