"""What X names by words of its own stands on pages in the reader's; what is new at X, by X's word."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.template.loader import render_to_string
from django.utils import translation

from conversations.models import Post, XUser
from conversations.showing.names import verified_as
from conversations.showing.thread import card_of

KINDS = ["", "none", "blue", "business", "government"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["de", "ja"])
def test_kinds_of_verification_are_words(kind, language):
    with translation.override(language):
        words = verified_as(XUser(verified_type=kind))
    assert words != verified_as(XUser(verified_type=kind))
    assert not kind or kind not in words


def test_a_kind_of_verification_that_is_new_is_named_as_x_names_it():
    assert verified_as(XUser(verified_type="sponsor")) == "verified: sponsor"


def state_of_poll(status, **poll):
    options = [{"position": 1, "label": "Moss", "votes": 3}]
    post = Post(
        pk=1,
        state="complete",
        fetched_at=datetime(2026, 11, 1, tzinfo=UTC),
        poll={"options": options, "voting_status": status} | poll,
    )
    post.media_shown = []
    html = render_to_string("conversations/_post.html", {"card": card_of(post)})
    return html.split("3 ")[-1].split(",")


@pytest.mark.parametrize(("status", "german"), [("closed", "beendet"), ("open", "läuft noch")])
def test_a_poll_without_an_end_says_whether_it_is_over(status, german):
    with translation.override("de"):
        assert german in state_of_poll(status)[1]


def test_a_state_of_a_poll_that_is_new_is_named_as_x_names_it():
    assert state_of_poll("counted twice")[1].strip() == "counted twice"
