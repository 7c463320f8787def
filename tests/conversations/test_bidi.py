"""Names that run from the right, and names that would turn the words around them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings

from conversations.models import DmEvent, EventParticipant, XUser
from conversations.showing import names
from conversations.showing.bidi import apart

MARYAM, YAEL = "مريم الزهراء", "יעל"


@pytest.mark.parametrize("name", ["Ada", "Ben Østergård", "山田 太郎", "Ossian 🕯️", "", "R2-D2"])
def test_a_name_that_runs_as_the_words_do_stays_as_it_is(name):
    assert apart(name) == name


@pytest.mark.parametrize("name", [MARYAM, YAEL, "Ada مريم"])
def test_a_name_that_runs_from_the_right_is_set_apart(name):
    assert apart(name) == f"\u2068{name}\u2069"


@pytest.mark.parametrize("name", ["Ada\u202egnp", "\u2069\u202eAda", "Ada\u2066", f"\u2069{YAEL}\u202d"])
def test_a_name_cannot_turn_what_follows(name):
    found = apart(name)
    assert found.strip("\u2068\u2069") == "".join(one for one in name if one not in "\u202d\u202e\u2066\u2069")
    assert found.count("\u2068") == found.count("\u2069")


def test_names_in_a_line_keep_their_order():
    event = DmEvent(event_type="ParticipantsJoin", sender=XUser(pk=1, name="Ada"))
    event.people_shown = [
        EventParticipant(x_user=XUser(pk=pk, name=name)) for pk, name in enumerate([MARYAM, YAEL, "Ben"], 2)
    ]
    assert names.happening(event) == f"Ada added \u2068{MARYAM}\u2069, \u2068{YAEL}\u2069 and Ben"


SENTENCES = re.compile(r"{% blocktranslate .*?{% endblocktranslate %}|{% block title %}.*?{% endblock %}", re.DOTALL)
"""There the catalogues set handles apart, or nothing runs from the right."""
ALONE = re.compile(r"""(?<!<bdi>)(?<!dir="auto">)@{{.*?}}""")


def test_a_handle_that_is_written_by_itself_stands_apart_from_what_is_around_it():
    templates = (Path(settings.BASE_DIR) / "templates").rglob("*.html")
    found = {path.name: ALONE.findall(SENTENCES.sub("", path.read_text())) for path in templates}
    assert {name: handles for name, handles in found.items() if handles} == {}
