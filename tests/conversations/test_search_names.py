"""Whom a typed name means: one's own people, however many others are called alike, by one rule for all pages."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.utils import translation

from conversations.models import Conversation, Participant, XUser
from conversations.search import finding, index, names, query
from conversations.showing.contents import add_names
from conversations.showing.names import title_of, unlisted
from tests import factories
from tests.conversations.search_support import found_texts, index_all, say
from tests.conversations.test_querysets import plans_of

pytestmark = pytest.mark.services
CROWD = names.LOOKED_AT + 200


@pytest.fixture
def x_account(ada):
    return factories.MembershipFactory(user=ada, x_account__username="NordlichtHelp").x_account


def talk(x_account, **person):
    row = factories.ConversationFactory(x_account=x_account, peer=factories.XUserFactory(**person))
    factories.ParticipantFactory(conversation=row, x_user=row.peer)
    return row


def group(x_account, *people, number=1):
    row = factories.ConversationFactory(
        x_account=x_account, is_group=True, peer=None, dm_conversation_id=str(17 * 10**17 + number)
    )
    for person in people:
        factories.ParticipantFactory(conversation=row, x_user=person)
    return row


@pytest.fixture
def crowd(cleo):
    """A stranger's inbox, in which everybody is newer on X than one's own people, and called like one of them."""
    theirs = factories.MembershipFactory(user=cleo).x_account
    people = XUser.objects.bulk_create(
        XUser(id=9 * 10**9 + number, name=f"Lena Funk {number}", username=f"lena_{number}") for number in range(CROWD)
    )
    rows = Conversation.objects.bulk_create(
        Conversation(x_account=theirs, peer=person, dm_conversation_id=f"{number}")
        for number, person in enumerate(people)
    )
    Participant.objects.bulk_create(Participant(conversation=row, x_user=row.peer) for row in rows)
    return people


# --- Who may be seen comes first --------------------------------------------------------------------------------------


def test_a_crowd_of_strangers_hides_nobody_of_ones_own(as_ada, ada, x_account, crowd):
    mine = talk(x_account, name="Lena Funk", username="lena_lamps")
    say(mine, "hello")
    index_all()
    pks = [x_account.pk]
    assert names.meant("lena", pks) == names.holding("fun", pks) == names.alike("Lema Funk", pks) == [mine.peer]
    assert found_texts(ada, "from:lena") == found_texts(ada, 'in:"lena funk"') == ["hello"]
    assert finding.people_for(finding.resolve(ada, query.parse("funk"))) == [mine.peer]
    assert f'data-href="/c/{mine.pk}/"' in as_ada.get("/palette/?q=lena").content.decode()
    assert f'data-conversation="{mine.pk}"' in as_ada.get("/?person=lena").content.decode()


def test_a_name_of_nobody_one_may_see_means_nobody_however_many_have_it(ada, x_account, crowd):
    talk(x_account, name="Ossian Berg", username="odd_ossian")
    index.index_names()
    for typed in ("lena", "lena_7", str(crowd[0].pk), "Lema"):
        assert names.meant(typed, [x_account.pk]) == names.alike(typed, [x_account.pk]) == []


def test_the_newest_on_x_come_first_of_many(cleo, crowd):
    index.index_names()
    pks = list(cleo.memberships.values_list("x_account", flat=True))
    assert names.meant("lena funk", pks) == crowd[: -names.MOST - 1 : -1]


def test_the_nearest_of_a_crowd_comes_first_however_new_the_others_are(cleo, crowd):
    """They are found by ends of words: those who only hold it are more than are read."""
    [x_account] = cleo.memberships.values_list("x_account", flat=True)
    called = [("Somebody", "unk"), ("Unk Lena", "ulena"), ("Unkas", "unkas")]
    old = [XUser(id=100 - place, name=name, username=username) for place, (name, username) in enumerate(called)]
    for person in old:
        person.save()
        row = factories.ConversationFactory(x_account_id=x_account, peer=person)
        factories.ParticipantFactory(conversation=row, x_user=person)
    index.index_names()
    assert names.holding("unk", [x_account], 5) == [*old, *crowd[:-3:-1]]


# --- One rule for all of them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "typed",
    ["@Lamp_Lena", "lamp_lena", "＠lamp_lena", "77", "lena sørensen", "Sørensen", "SØRENSEN", "lamp_l", "ena", "Pérez"],
)
def test_one_name_means_the_same_person_wherever_it_is_typed(as_ada, ada, x_account, typed):
    row = talk(x_account, id=77, name="Lena Sørensen Pérez", username="lamp_lena")
    say(row, "hello")
    say(talk(x_account, name="Ben", username="ben_reads"), "hi")
    index_all()
    assert found_texts(ada, f'from:"{typed}"') == found_texts(ada, f'in:"{typed}"') == ["hello"]
    shown = re.findall(r'data-conversation="(\d+)"', as_ada.get("/", {"person": typed}).content.decode())
    assert shown == [str(row.pk)]


def test_people_are_found_beside_messages_by_names_with_diacritics(ada, x_account):
    row = talk(x_account, name="Ben Østergård", username="ben_reads")
    index.index_names()
    assert finding.people_for(finding.resolve(ada, query.parse("Østergård"))) == [row.peer]


@pytest.mark.parametrize("typed", ["@", "＠", "", " ", "???", "\u200b", "9" * 400])
def test_what_is_no_name_means_nobody(x_account, typed):
    talk(x_account, name="", username="")  # X has not shown them yet
    index.index_names()
    assert names.meant(typed, [x_account.pk]) == names.alike(typed, [x_account.pk]) == []


def test_names_are_led_to_by_indexes_alone(ada, x_account, crowd):
    index.index_names()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    plans = {
        (typed, walk): plans_of(names._with_all(grams, [x_account.pk])[: names.NEAREST])[0]
        for typed in ("lena", "lena funk 77", "zzqzz")
        for walk, grams in enumerate(names._walks(names.words_of(typed)))
    }
    assert [plan for plan in plans.values() if re.search(r"Seq Scan on|\bSCAN\b", plan)] == []
    # What everybody is called is read in the order it is shown; what is rare, by the gram.
    for (typed, walk), plan in plans.items():
        if typed == "lena":
            assert not re.search(r"Sort|TEMP B-TREE", plan), (typed, walk, plan)
        else:
            by_gram = r"name_gram_once_per_person|INDEX sqlite_autoindex_conversations_namegram"
            assert re.search(by_gram, plan), (typed, walk, plan)


# --- Groups by their titles -------------------------------------------------------------------------------------------


@pytest.fixture
def people():
    called = [
        ("Ben Østergård", "ben_reads"),
        ("مريم الزهراء", "maryam"),
        ("Mira, Tom and Co", "mira"),
        ("山田 太郎", "taro"),
    ]
    return [factories.XUserFactory(name=name, username=username) for name, username in called]


def titled(row):
    rows = list(Conversation.objects.filter(pk=row.pk).with_rows_of_inbox())
    add_names(rows)
    return title_of(rows[0])


@pytest.mark.parametrize("language", ["en", "de", "ja"])
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_in_takes_the_title_of_a_group_as_the_pages_show_it(ada, x_account, people, language, size):
    row = group(x_account, *people[4 - size :])
    say(row, "in the group", sender=people[3])
    say(talk(x_account, name="Cleo", username="cleo"), "elsewhere")
    index_all()
    with translation.override(language):
        assert found_texts(ada, f'in:"{titled(row)}"') == ["in the group"]


def test_in_takes_some_of_a_groups_people_in_any_order(ada, x_account, people):
    both = group(x_account, *people)
    alone = group(x_account, people[0], number=2)
    say(both, "both", sender=people[0])
    say(alone, "one", sender=people[0])
    index_all()
    assert found_texts(ada, "in:taro,ben_reads") == ["both"]
    assert found_texts(ada, 'in:"maryam and ben"') == ["both"]
    assert found_texts(ada, "in:ben_reads") == ["one", "both"]
    assert found_texts(ada, "in:mira") == ["both"]


def test_a_name_of_a_title_that_is_nobodys_is_said_and_helped(as_ada, x_account, people):
    say(group(x_account, *people), "hello", sender=people[0])
    index_all()
    html = as_ada.get("/search/", {"q": "in:taro,ben_reds hello"}).content.decode()
    assert "No person named" in html
    assert "/search/?q=in%3A%22taro%2C+%40ben_reads%22+hello" in html


@pytest.mark.parametrize(
    ("language", "title", "parts"),
    [
        ("en", "Ada", ["Ada"]),
        ("en", "Ada and Ben", ["Ada", "Ben"]),
        ("en", "Ada, Ben and 4 others", ["Ada", "Ben"]),
        ("en", "Ada, 4 Others Ltd", ["Ada", "4 Others Ltd"]),
        ("de", "Ada, Ben und 1 weitere Person", ["Ada", "Ben"]),
        ("ja", "Ada、 Ben、ほか12人", ["Ada", "Ben"]),
        ("ar", "\u200f\u2068مريم\u2069،\u200f Ben وشخص آخر", ["مريم", "Ben"]),
    ],
)
def test_a_title_falls_into_the_names_it_was_made_of(language, title, parts):
    with translation.override(language):
        assert unlisted(title) == parts


# --- More than one search looks through -------------------------------------------------------------------------------


def test_in_says_when_a_name_means_more_conversations_than_are_searched(as_ada, ada, x_account, monkeypatch):
    monkeypatch.setattr(finding, "MOST_CONVERSATIONS", 2)
    person = factories.XUserFactory(name="Lena Funk", username="lena")
    rows = [group(x_account, person, number=number) for number in range(3)]
    for number, row in enumerate(rows):
        say(row, f"lamp {number}", sender=person)
        Conversation.objects.filter(pk=row.pk).update(last_dm_event_id=number + 1)
    index_all()
    html = as_ada.get("/search/", {"q": "in:lena lamp"}).content.decode()
    assert "“in:lena” matches 3 conversations; the newest 2 are searched." in html
    assert found_texts(ada, "in:lena lamp") == ["lamp 2", "lamp 1"]
    assert "the newest" not in as_ada.get("/search/", {"q": f"in:{rows[0].dm_conversation_id}"}).content.decode()


def test_in_with_a_part_of_our_own_name_is_all_of_that_account(ada, x_account, monkeypatch):
    monkeypatch.setattr(finding, "MOST_CONVERSATIONS", 2)
    us = factories.XUserFactory(id=x_account.x_user_id, username="NordlichtHelp", name="Nordlicht Lamps")
    for number in range(4):
        row = talk(x_account)
        factories.ParticipantFactory(conversation=row, x_user=us)
        say(row, f"lamp {number}")
    index_all()
    wanted = finding.resolve(ada, query.parse("in:nordlicht lamp"))
    assert (wanted.x_accounts, wanted.asked.notes) == ({x_account.pk}, [])
    assert len(finding.find(ada, wanted).hits) == 4
