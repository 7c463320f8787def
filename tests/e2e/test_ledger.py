"""What reading costs and how messages come, as a person looks at it: pictures, tables, banners, receipts, locks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.models import snowflake_floor
from conversations.models import (
    Participant,
    SyncState,
)
from tests import factories
from tests.e2e import rich
from tests.e2e.conftest import PHONE
from tests.e2e.looking import LOOKS, OF_COLOURS, violations

pytestmark = pytest.mark.browser


@pytest.fixture
def filled(server, ada):
    now = datetime.now(UTC)
    found = rich.fill(ada, now)
    SyncState.objects.filter(x_account=found.support).update(
        state="unavailable",
        state_since=now - timedelta(minutes=40),
        last_success_at=now - timedelta(minutes=44),
        next_poll_at=now + timedelta(minutes=6),
        import_finished_at=now,
        horizon_id=snowflake_floor(now - timedelta(days=30)),
        rate_limit=15,
        monthly_cap_usd=Decimal(50),
    )
    SyncState.objects.filter(x_account=found.studio).update(state="capped", monthly_cap_usd=Decimal(5))
    for back, state in enumerate(("noted", "due"), start=1):
        found.support.unfinished_days.create(day=now.date() - timedelta(days=back), state=state)
    rich.day(found.support, now)
    rich.push(found.support, now)
    _presence(found, now)
    return found


def _presence(found, now):
    conversation = found.everything
    conversation.encrypted_at = conversation.last_encrypted_at = now - timedelta(days=1)
    conversation.peer.raw = {"created_at": (now - timedelta(days=900)).isoformat()}
    conversation.save()
    conversation.peer.save()
    Participant.objects.filter(conversation=conversation, x_user=conversation.peer).update(
        typing_until=now + timedelta(hours=1), seen_dm_event_id=conversation.last_dm_event_id, seen_at=now
    )
    at = now - timedelta(minutes=5)
    found.chat = factories.ConversationFactory(
        x_account=found.support, encrypted_at=at, last_encrypted_at=at, last_dm_event_id=snowflake_floor(at)
    )


def addresses(filled):
    x_account, everything, chat = filled.support.pk, filled.everything.pk, filled.chat.pk
    return [f"/x-accounts/{x_account}/", "/", f"/c/{everything}/", f"/c/{chat}/"]


@pytest.mark.parametrize("size", ["desk", "phone"])
def test_nothing_keeps_people_out_and_nothing_runs_out_of_the_page(visit, ada, filled, size):
    seen = visit(ada, **(PHONE if size == "phone" else {}))
    for path in addresses(filled):
        page = seen.open(path)
        for summary in page.locator("details summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") == 0, path
        if page.locator(".panes").count():
            assert page.evaluate("document.documentElement.scrollHeight - window.innerHeight") == 0, path
        assert violations(page) == [], path
        page.emulate_media(**LOOKS["dark"])
        assert violations(page, OF_COLOURS) == [], path
        page.emulate_media(**LOOKS["light"])


def test_a_cap_is_set_and_a_bad_one_comes_back_with_words(visit, ada, filled):
    seen = visit(ada)
    seen.expect_answer(422, f"/x-accounts/{filled.support.pk}/")
    page = seen.open(f"/x-accounts/{filled.support.pk}/")
    page.get_by_label("Monthly cap for this X account").fill("0")
    page.get_by_role("button", name="Set cap").click()
    page.get_by_text("The cap must be at least $0.01").wait_for()
    page.get_by_label("Monthly cap for this X account").fill("75")
    page.get_by_role("button", name="Set cap").click()
    page.get_by_text("The cap is now $75.00 a month.").wait_for()
    assert SyncState.objects.get(x_account=filled.support).monthly_cap_usd == Decimal(75)


def test_all_of_a_thread_is_asked_for_at_the_price_that_is_said(visit, ada, filled):
    page = visit(ada).open(f"/c/{filled.everything.pk}/")
    button = page.get_by_role("button", name="Load everything: about")
    events = int(button.inner_text().split("about ")[1].split()[0].replace(",", ""))
    button.click()
    page.get_by_text("Loading from X").wait_for()
    wish = filled.everything.history_reads.get()
    assert wish.pages_wanted == -(-events * 3 // 200)


def test_a_day_is_read_again_at_the_price_that_is_said(visit, ada, filled):
    page = visit(ada).open(f"/x-accounts/{filled.support.pk}/")
    page.get_by_role("button", name="Read it again: at most $").click()
    page.get_by_text("is being read again").nth(1).wait_for()
    assert {row.state for row in filled.support.unfinished_days.all()} == {"due"}
