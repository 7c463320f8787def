"""Each page as people may meet it: light, dark, in high contrast; on a phone, a desk, a wall; zoomed. And pictures."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe

from accounts import actions
from accounts.models import Membership, XAccount
from conversations.models import ConversationLookup, SpendDay, SyncState
from tests import factories
from tests.e2e import rich

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]
PAGES = {
    "inbox": "/",
    "inbox-unread": "/?unread=1",
    "inbox-nothing-found": "/?kind=group&unread=1&account={studio}",
    "thread": "/c/{everything}/",
    "thread-long": "/c/{long}/",
    "thread-group": "/c/{group}/",
    "thread-people": "/c/{group}/#people",
    "open": "/open/",
    "lookup": "/open/{lookup}/",
    "x-account": "/x-accounts/{support}/",
    "x-account-in-trouble": "/x-accounts/{studio}/",
    "x-account-start": "/x-accounts/{new}/start/",
    "profile": "/profile/",
    "sign-out": "/accounts/logout/",
    "kept-list": "/offline/",
    "kept-nothing": "/offline/empty/",
}
SIGNED_OUT = {
    "sign-in": "/accounts/login/",
    "invitation": "/invitations/{token}/",
    "invitation-gone": "/invitations/x/",
}
LOOKS = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "high-contrast": {"color_scheme": "dark", "forced_colors": "active"},
}
WIDTHS = {
    "phone": (390, 844),
    "small-phone": (320, 640),
    "zoomed": (640, 400),
    "wall": (3840, 2160),
    "desk": (1280, 800),
}
PICTURED = [(size, look) for size in ("desk", "phone") for look in ("light", "dark")]


@pytest.fixture
def filled(server, ada):
    ada.time_zone = "Europe/Oslo"
    ada.save()
    return rich.fill(ada, datetime.now(UTC))


@pytest.fixture
def addresses(filled, ada):
    """Everything the addresses name, with something on each page."""
    new = factories.XAccountFactory(username="NordlichtNew")
    Membership.objects.create(user=ada, x_account=new, role="admin")
    now = datetime.now(UTC)
    SyncState.objects.filter(x_account=filled.studio).update(state="no_credit", state_since=now - timedelta(hours=3))
    SpendDay.objects.create(x_account=filled.support, day=now.date(), calls=60, dm_events=40, usd="0.4")
    lookup = ConversationLookup.objects.create(x_account=filled.support, kind="username", target="odd_ossian")
    token = actions.invite("ben@example.com", x_account=XAccount.objects.get(pk=filled.support.pk)).split("/")[-2]
    names = {
        "support": filled.support.pk,
        "studio": filled.studio.pk,
        "new": new.pk,
        "everything": filled.everything.pk,
        "long": filled.long.pk,
        "group": filled.group.pk,
        "lookup": lookup.pk,
        "token": token,
    }
    return lambda path: path.format(**names)


def pictures() -> Path | None:
    """Where pictures of all pages go, when the run names a folder."""
    folder = os.environ.get("SCREENSHOTS")
    return Path(folder) if folder else None


def violations(page) -> list[str]:
    return [
        f"{rule['id']} ({rule['impact']}): {node['html'][:160]} {node['failureSummary'][:240]}"
        for rule in Axe().run(page).response["violations"]
        for node in rule["nodes"]
    ]


def looked_at(page, name: str) -> None:
    for size, (width, height) in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, f"{name} is {wider} px too wide at {size}"
        for look in [look for pictured, look in PICTURED if pictured == size and pictures()]:
            page.emulate_media(**LOOKS[look])
            page.screenshot(path=pictures() / f"{name}-{size}-{look}.png")
    for look, media in LOOKS.items():
        page.emulate_media(**media)
        assert violations(page) == [], f"{name} in {look}"


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_open_to_everybody(visit, ada, addresses, name):
    looked_at(visit(ada).open(addresses(PAGES[name])), name)


@pytest.mark.parametrize("name", SIGNED_OUT)
def test_a_page_before_the_sign_in_is_open_to_everybody(visit, cleo, addresses, name):
    seen = visit(cleo)
    seen.context.clear_cookies()
    looked_at(seen.open(addresses(SIGNED_OUT[name])), name)
    seen.complaints[:] = [line for line in seen.complaints if "/invitations/x/" not in line and "404" not in line]
