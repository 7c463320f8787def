"""Words, phrases, names, days and kinds together find what a plain reading of every message finds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import snowflake_floor
from conversations.models import DmEvent, EventMedia, EventPost, Media, Post
from conversations.search import query
from conversations.words import words_of
from tests import factories
from tests.conversations.search_support import found_events, holds, in_small_steps, index_all, say, undone
from tests.conversations.test_search_finding import ANY, LATIN, OTHERS, SIGNS, TIMES

pytestmark = pytest.mark.services
FIRST_DAY = datetime(2026, 11, 1, tzinfo=UTC)
LINK = "https://nordlicht.example/a"
PIECES = st.sampled_from([piece for piece in [*LATIN, *OTHERS, *SIGNS] if "://" not in piece])
TEXTS = st.lists(st.one_of(PIECES, ANY), min_size=1, max_size=4).flatmap(
    lambda pieces: st.sampled_from([" ", "", ", "]).map(lambda joint: joint.join(pieces))
)

# Search tips after a key, and which people and places of the world below it means.
SENDERS = {
    "@odd_ossian": {"ossian"},
    "ODD_OSSIAN": {"ossian"},
    "funk": {"lena"},
    '"lena funk"': {"lena"},
    "us": {"help", "shop"},
    "@nordlichthelp": {"help"},
    "2000000000000001": {"mira"},
    "nobody_here": set(),
}
PLACES = {
    "@NordlichtShop": {"shop lena"},
    "NordlichtHelp": {"help ossian", "help group"},
    "ossian": {"help ossian", "help group"},
    '"Lena Funk"': {"shop lena", "help group"},
    "mira": {"help group"},
    '"Ossian Berg, Mira and Lena Funk"': {"help group"},
    "1700000000000000001": {"help group"},
    "nobody_here": set(),
}
KINDS = ["media", "post", "link"]


@dataclass
class Message:
    """What is known of a message before any database has seen it."""

    text: str
    place: str
    sender: str
    day: int
    kinds: frozenset[str]


MESSAGES = st.builds(
    Message,
    TEXTS,
    st.sampled_from(["help ossian", "shop lena", "help group", "of strangers"]),
    st.sampled_from(["ossian", "lena", "mira", "help", "shop"]),
    st.integers(0, 3),
    st.frozensets(st.sampled_from(KINDS)),
)


@dataclass
class World:
    places: dict
    people: dict

    def tell(self, message: Message) -> DmEvent:
        at = FIRST_DAY + timedelta(days=message.day, hours=12)
        number = snowflake_floor(at) + DmEvent.objects.count()
        text = f"{message.text} {LINK}" if "link" in message.kinds else message.text
        fields = {"sender": self.people[message.sender], "created_at": at, "dm_event_id": number}
        [event] = say(self.places[message.place], text, **fields)
        if "media" in message.kinds:
            EventMedia.objects.create(event=event, media=Media.objects.get())
        if "post" in message.kinds:
            EventPost.objects.create(event=event, post=Post.objects.get())
        return event


@pytest.fixture
def world(ada, cleo):
    accounts = {name: factories.XAccountFactory(username=f"Nordlicht{name.title()}") for name in ("help", "shop")}
    for row in accounts.values():
        factories.MembershipFactory(user=ada, x_account=row)
    people = {name: factories.XUserFactory(id=row.x_user_id, username=row.username) for name, row in accounts.items()}
    people["ossian"] = factories.XUserFactory(username="odd_ossian", name="Ossian Berg")
    people["lena"] = factories.XUserFactory(username="lamp_lena", name="Lena Funk")
    people["mira"] = factories.XUserFactory(id=2_000_000_000_000_001, username="mira_m", name="Mira")
    group = {"is_group": True, "peer": None, "dm_conversation_id": "1700000000000000001"}
    places = {
        "help ossian": factories.ConversationFactory(x_account=accounts["help"], peer=people["ossian"]),
        "shop lena": factories.ConversationFactory(x_account=accounts["shop"], peer=people["lena"]),
        "help group": factories.ConversationFactory(x_account=accounts["help"], **group),
        "of strangers": factories.MembershipFactory(user=cleo).x_account.conversations.create(peer=people["lena"]),
    }
    for name in ("ossian", "lena", "mira", "help"):
        factories.ParticipantFactory(conversation=places["help group"], x_user=people[name])
    Media.objects.create(media_key="3_1", type="photo")
    Post.objects.create(id=99)
    return World(places, people)


@dataclass
class Wish:
    """One thing typed: a word with parts of words, a phrase, or a key with its value."""

    key: str
    value: str

    def __str__(self) -> str:
        if self.key in ("word", "-word"):
            return f"{'-' * (self.key == '-word')}{self.value}"
        if self.key in ("phrase", "-phrase"):
            return f'{"-" * (self.key == "-phrase")}"{self.value}"'
        return f"{self.key}:{self.value}"

    @property
    def holds_something(self) -> bool:
        return bool(words_of(self.value))


def unsaid(text: str) -> str:
    """Without what is a sign of the search box itself."""
    return "".join(one for one in text if one not in f"{query.QUOTES}:：").lstrip("-")


def parts_of(texts: list[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.sampled_from(texts).flatmap(
            lambda text: st.tuples(st.integers(0, max(0, len(text) - 1)), st.integers(1, 9)).map(
                lambda cut: text[cut[0] : cut[0] + cut[1]]
            )
        ),
        PIECES,
        ANY,
    ).map(unsaid)


def wishes_about(messages: list[Message]) -> st.SearchStrategy[list[Wish]]:
    parts = parts_of([message.text for message in messages])
    words = parts.map(lambda part: "".join(part.split())).filter(bool)
    days = st.integers(0, 4).map(lambda day: f"{FIRST_DAY + timedelta(days=day):%Y-%m-%d}")
    return st.lists(
        st.one_of(
            st.builds(Wish, st.just("word"), words),
            st.builds(Wish, st.just("phrase"), parts),
            st.builds(Wish, st.sampled_from(["-word", "-phrase"]), words),
            st.builds(Wish, st.just("from"), st.sampled_from(sorted(SENDERS))),
            st.builds(Wish, st.just("in"), st.sampled_from(sorted(PLACES))),
            st.builds(Wish, st.just("has"), st.sampled_from(KINDS)),
            st.builds(Wish, st.sampled_from(["before", "after"]), days),
        ),
        min_size=1,
        max_size=4,
    )


def is_meant(message: Message, wishes: list[Wish]) -> bool:
    """By reading the message; of several senders or places one is enough, all else must be true."""
    day = f"{FIRST_DAY + timedelta(days=message.day):%Y-%m-%d}"
    words = [wish for wish in wishes if wish.key in ("word", "phrase", "-word", "-phrase") and wish.holds_something]
    senders = [SENDERS[wish.value] for wish in wishes if wish.key == "from"]
    places = [PLACES[wish.value] for wish in wishes if wish.key == "in"]
    return (
        message.place != "of strangers"
        and all(says(message, wish) != wish.key.startswith("-") for wish in words)
        and (not senders or message.sender in set().union(*senders))
        and (not places or message.place in set().union(*places))
        and all(wish.value in message.kinds for wish in wishes if wish.key == "has")
        and all(day < wish.value for wish in wishes if wish.key == "before")
        and all(day >= wish.value for wish in wishes if wish.key == "after")
    )


def says(message: Message, wish: Wish) -> bool:
    text = f"{message.text} {LINK}" if "link" in message.kinds else message.text
    return holds(text, wish.value, is_exact="phrase" in wish.key)


@settings(
    max_examples=70,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(messages=st.lists(MESSAGES, min_size=1, max_size=8), times=TIMES, data=st.data())
@undone()
def test_whatever_is_asked_together_is_what_reading_everything_finds(ada, world, messages, times, data):
    told = {world.tell(message).pk: message for message in messages * times}
    index_all()
    for wishes in data.draw(st.lists(wishes_about(messages), min_size=3, max_size=3)):
        typed = " ".join(map(str, wishes))
        if query.parse(typed).is_nothing:
            continue
        found = found_events(ada, typed)
        assert {event.pk for event in found} == {pk for pk, message in told.items() if is_meant(message, wishes)}, typed
        assert found == sorted(found, key=lambda event: -event.dm_event_id)
        with in_small_steps():
            assert found_events(ada, typed) == found, typed
