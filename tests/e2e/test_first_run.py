"""From an empty installation to the first message read, and the way in by one's own X account, on the local X."""

from __future__ import annotations

import re

import pytest

from accounts import actions
from accounts.models import User, XAccount
from conversations.sync import people
from tests.conversations.sync_support import one_to_one, settle
from tests.e2e.conftest import serving
from tests.services import free_port

pytestmark = pytest.mark.browser
BRAND, MIRA, CUSTOMER = "1500000000000000101", "1500000000000000103", "2000000000000000001"
PASSWORD = "a lamp for every corner"


@pytest.fixture
def x(xsim):
    """The local X with people, and a message to the brand. Asked for before the server, which is told where it is."""
    known = {BRAND: ("NordlichtHelp", "Nordlicht Lamps Support"), MIRA: ("mira_nordlicht", "Mira")}
    known[CUSTOMER] = ("ben_reads", "Ben Østergård")
    xsim.post("people", [{"id": pk, "username": name, "name": words} for pk, (name, words) in known.items()])
    talk = one_to_one(BRAND, CUSTOMER)
    xsim.post("events", {"dm_conversation_id": talk, "sender_id": CUSTOMER, "text": "Does the Polaris come in sand?"})
    return xsim


@pytest.fixture
def server(x, transactional_db):
    """One that is told where the local X is."""
    with serving(free_port()) as address:
        yield address


@pytest.fixture
def visit_with_x(x, visit):
    """A browser that goes to the local X and comes back."""

    def begin(user):
        found = visit(user)
        # The local X has no icon; what is missing of ours stands there with its address too.
        found.expect(f"foreign request: {x.url}/", f"404: {x.url}/", "console: Failed to load resource")
        return found

    return begin


def agree(page, x, name):
    page.wait_for_url(f"{x.url}/i/oauth2/authorize**")
    page.get_by_label(re.compile(name)).check()
    page.get_by_role("button", name="Authorize app").click()


def test_from_the_set_up_link_to_the_first_message(visit_with_x, x, cleo):
    stranger = visit_with_x(cleo)
    stranger.context.clear_cookies()
    token = actions.new_setup_link().rstrip("/").rsplit("/", 1)[1]
    page = stranger.open(f"/setup/{token}/")
    for name, words in {"name": "Ada", "email": "ada@nordlicht.example"}.items():
        page.locator(f"input[name={name}]").fill(words)
    for name in ("password", "password_again"):
        page.locator(f"input[name={name}]").fill(PASSWORD)
    page.get_by_role("button", name="Create my account").click()
    page.wait_for_url("**/profile/")
    page.get_by_role("button", name="Connect an X account").click()
    agree(page, x, "NordlichtHelp")
    page.wait_for_url("**/x-accounts/*/start/")
    page.get_by_role("button", name="Start import").click()
    page.wait_for_url(f"{stranger.address}/")
    settle(XAccount.objects.get())  # what the workers do meanwhile
    people.look_up_due_people()
    stranger.open("/")
    row = page.locator("#list .row")
    assert "Does the Polaris come in sand?" in row.inner_text()
    row.click()
    page.wait_for_selector("#thread-title")
    assert page.locator("#thread-title").inner_text() == "Ben Østergård"
    assert page.locator(".bubble").all_inner_texts() == ["Does the Polaris come in sand?"]


def test_whoever_linked_their_x_account_signs_in_with_it(visit_with_x, x, ben):
    seen = visit_with_x(ben)
    page = seen.open("/profile/")
    page.get_by_role("button", name="Link my X account").click()
    agree(page, x, "mira_nordlicht")
    page.wait_for_url("**/profile/")
    assert page.get_by_text("@mira_nordlicht").is_visible()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login/**")
    page.get_by_role("button", name="Sign in with X").click()
    agree(page, x, "mira_nordlicht")
    page.wait_for_url(f"{seen.address}/")
    assert page.get_by_role("button", name="Sign out").is_visible()
    assert User.objects.filter(email=ben.email).count() == 1
