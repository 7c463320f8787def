"""Numbers, amounts, dates and stored sentences, in the language of whoever reads them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib import import_module

import pytest
import time_machine
from django.conf import settings
from django.template import Context, Template
from django.utils import timezone, translation

from accounts import tokens
from accounts.models import XAccount
from conversations.models import MediaFile
from conversations.showing import media_states, moments
from conversations.sync import (
    by_id,
    caps,
    history,
    opening,
    push,
    subscription_rows,
    subscriptions,
    trouble,
    unfinished_days,
    wishes,
)
from conversations.templatetags.shown import moment
from dminbox import wording
from dminbox.wording import worded
from dminbox.xapi import error_table
from tests import factories, pseudo

NOW = datetime(2026, 11, 21, 13, 2, 9, tzinfo=UTC)
LANGUAGES = [code for code, _ in settings.LANGUAGES]
FORMATS = {"TIME_FORMAT", "DATE_FORMAT", "SHORT_DATE_FORMAT", "YEAR_MONTH_FORMAT", "DAY_FORMAT", "SHORT_DAY_FORMAT"}
STORED = [
    *(tokens.REFUSED, tokens.LOST, tokens.NOT_LASTING, tokens.UNREADABLE, tokens.NEW_TOKEN_REFUSED),
    *(trouble.NO_CREDIT, trouble.RECONNECT, trouble.SCOPES, trouble.NO_ANSWER, trouble.UNREADABLE),
    *(trouble.NOT_THERE, trouble.REFUSED, caps.WISH, wishes.WINDOW, push.REVOKED, by_id.NOT_SHOWN),
    *(history.NO_MORE, history.NOTHING_NEW, history.NO_MORE_OF_THESE, history.RESTING),
    *(unfinished_days.USED_UP, unfinished_days.NEW_PRICE, unfinished_days.CIRCLE),
    *(opening.NONE, opening.NO_TARGET, opening.UNREADABLE, subscription_rows.OVER_CAP, subscriptions.REFUSED),
    *(
        error_table.ENROL,
        error_table.USER_TOKEN,
        error_table.DM_RIGHT,
        error_table.SECRET,
        error_table.CONSUMER,
        error_table.APP_RIGHT,
        error_table.CRC,
    ),
    *(error_table.WEBHOOK_URL, error_table.WEBHOOK_LIMIT),
]


# --- Stored sentences -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stored", STORED)
def test_a_stored_sentence_is_its_own_msgid(stored):
    with pseudo.brackets():
        assert worded(stored) == f"⟦{stored}⟧"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (
            wording.CAP_REACHED % {"usd": "1200.00"},
            "⟦This month's cap of $1,200.00 is reached: no more messages are read or pushed.⟧",
        ),
        (
            wording.CEILING_REACHED % {"usd": "20.00"},
            "⟦The import paused at its limit of $20.00; there is more to import. "
            "No more messages are imported until someone continues it.⟧",
        ),
        (wording.NO_PERSON % {"handle": "ada"}, "⟦X has no user called @ada.⟧"),
        (wording.DISCONNECTED_BY % {"person": "Ada (100%)"}, "⟦Disconnected by Ada (100%).⟧"),
        (
            wording.WITH_ID % {"sentence": trouble.NO_ANSWER, "transaction": "7f00"},
            "⟦⟦X does not answer.⟧ (X's transaction 7f00)⟧",
        ),
        (
            wording.WITH_ID % {"sentence": wording.X_REFUSES % {"reason": "The lamp\nis out."}, "transaction": "7f"},
            "⟦⟦X rejected our request: The lamp\nis out.⟧ (X's transaction 7f)⟧",
        ),
    ],
)
def test_a_stored_sentence_keeps_the_values_in_it(stored, shown):
    with pseudo.brackets():
        assert worded(stored) == shown


@pytest.mark.parametrize("stored", ["", "User has been suspended.", "100% of %(nothing)s", "Disconnected by"])
def test_words_of_x_stay_as_they_are(stored):
    with pseudo.brackets():
        assert worded(stored) == stored


@pytest.mark.django_db
def test_what_is_stored_is_english_whoever_asks():
    row = factories.SyncStateFactory(last_change=1)
    with pseudo.brackets():
        caps.set_cap(row.x_account, Decimal(0))
    row.refresh_from_db()
    assert row.detail == "This month's cap of $0.00 is reached: no more messages are read or pushed."


def test_an_x_account_tells_its_state_in_the_reader_s_language():
    x_account = XAccount(state_detail=tokens.REFUSED)
    with pseudo.brackets():
        assert x_account.state_words == f"⟦{tokens.REFUSED}⟧"


# --- Numbers and amounts ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "written"), [("en", "1,234,567"), ("de", "1.234.567"), ("ja", "1,234,567"), ("ar", "1.234.567")]
)
def test_thousands_are_apart(language, written):
    with translation.override(language):
        assert wording.number(1_234_567) == written


@pytest.mark.parametrize(
    ("amount", "written"),
    [("1", "$1.00"), ("0.005", "$0.005"), ("6.929999999999993", "$6.93"), ("1234.5", "$1,234.50")],
)
def test_an_amount_has_cents_and_tenths_where_there_are_any(amount, written):
    with translation.override("en"):
        assert wording.usd(Decimal(amount)) == written


def test_an_amount_has_the_reader_s_decimal_sign():
    with translation.override("de"):
        assert "1.234,50" in wording.usd(Decimal("1234.5"))
        assert "1.234" in wording.about_usd(Decimal("1234.2"))


@pytest.mark.parametrize(("language", "written"), [("en", "@ada"), ("ja", "@ada"), ("ar", "\u2066@ada\u2069")])
def test_a_handle_keeps_its_sign_in_front_of_it(language, written):
    with translation.override(language):
        assert wording.handle("ada") == written


# --- Dates and times --------------------------------------------------------------------------------------------------


def test_the_brackets_of_one_test_are_in_no_moment_of_the_next():
    with pseudo.brackets():
        assert "⟦" in moment(NOW, "full")
    assert "⟦" not in moment(NOW, "full")


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_format(language):
    formats = import_module(f"{settings.FORMAT_MODULE_PATH}.{language}.formats")
    assert set(vars(formats)) >= FORMATS


@pytest.mark.parametrize(
    ("language", "style", "written"),
    [
        ("en", "full", "21 Nov 2026, 13:02"),
        ("de", "full", "21. Nov 2026, 13:02"),
        ("ja", "full", "2026年11月21日"),
        ("ar", "full", "21 نوفمبر 2026"),
        ("de", "clock", "13:02"),
        ("en", "full", 'title="Saturday, 21 November 2026, 13:02:09 UTC"'),
        ("de", "full", 'title="Samstag, 21. November 2026'),
        ("ja", "clock", 'title="2026年11月21日 土曜日'),
    ],
)
def test_a_moment_is_written_as_the_language_does(language, style, written):
    with translation.override(language):
        assert written in str(moment(NOW, style))
        assert 'datetime="2026-11-21T13:02:09+00:00"' in str(moment(NOW, style))


def test_a_short_time_tells_no_more_than_is_needed():
    with time_machine.travel(NOW, tick=False), translation.override("de"):
        days = [NOW, NOW - timedelta(days=20), NOW - timedelta(days=400)]
        assert [moments.short_time(day) for day in days] == ["13:02", "1. Nov", "17. Okt 2025"]


def test_the_same_minute_is_written_in_every_language_and_zone_of_its_own():
    written = []
    for language, zone in (("en", "UTC"), ("de", "UTC"), ("en", "Asia/Tokyo"), ("ja", "Asia/Tokyo")):
        with translation.override(language), timezone.override(zone):
            written.append(wording.day(timezone.localtime(NOW + timedelta(hours=4)), "SHORT_DATE_FORMAT"))
    assert written == ["21 Nov 2026", "21. Nov 2026", "22 Nov 2026", "2026年11月22日"]


# --- Words that bend --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["photo", "video", "animated_gif", "something new"])
def test_whatever_is_missing_has_a_sentence_of_its_own(kind):
    files = [None, *(MediaFile(state=state) for state in ("due", "gone", "too_large", "refused"))]
    sentences = [media_states.why_missing(kind, file) for file in files]
    assert len(set(sentences)) == len(files)
    assert media_states.why_missing(kind, MediaFile(state="fetching")) == media_states.why_missing(
        kind, MediaFile(state="due")
    )
    assert media_states.not_here(kind) not in sentences


def test_a_script_gets_words_for_each_plural_of_the_language():
    template = Template("{% load threads %}{% autoescape off %}{% new_messages %}{% endautoescape %}")
    with translation.override("en"):
        words = json.loads(template.render(Context()))
    assert set(words) == {"zero", "one", "two", "few", "many", "other"}
    assert (words["one"], words["two"]) == ("{n} new message", "{n} new messages")
