"""What goes to X: addresses, parameters, bodies and headers; and what an Answer holds."""

import json
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from dminbox.xapi.client import XClient
from dminbox.xapi.schema import Answer, Billed, DmEvent, Page, RateLimit
from tests.xapi.support import ADA, API, CLEO, CONVERSATION, EVENT, TOKEN, client, payload


@pytest.fixture
def x():
    with responses.RequestsMock() as mock:
        yield mock


def query_of(x, index=0) -> dict[str, str]:
    return {name: value for name, (value,) in parse_qs(urlsplit(x.calls[index].request.url).query).items()}


PAGES = {
    "/2/dm_events": lambda c, **options: c.dm_events(**options),
    f"/2/dm_conversations/with/{CLEO}/dm_events": lambda c, **options: c.dm_events_with(CLEO, **options),
    f"/2/dm_conversations/{CONVERSATION}/dm_events": lambda c, **options: c.conversation_dm_events(
        CONVERSATION, **options
    ),
}


@pytest.mark.parametrize("path", PAGES)
def test_the_three_lookups_ask_for_everything(x, path):
    x.add("GET", API + path, json=payload("page-tweet-vocabulary"))
    answer = PAGES[path](client())
    query = query_of(x)
    assert query["max_results"] == "100"
    assert set(query["dm_event.fields"].split(",")) == {
        "id", "text", "event_type", "created_at", "dm_conversation_id", "sender_id", "participant_ids", "attachments",
        "referenced_tweets", "entities",
    }  # fmt: skip
    assert set(query["expansions"].split(",")) == {
        "sender_id",
        "participant_ids",
        "attachments.media_keys",
        "referenced_tweets.id",
    }
    assert {"user.fields", "media.fields", "tweet.fields"} <= set(query)
    assert not {"event_types", "pagination_token", "post.fields"} & set(query)
    assert len(answer.value.events) == 5


@pytest.mark.parametrize("path", PAGES)
def test_the_three_lookups_take_the_same_parameters(x, path):
    x.add("GET", API + path, json=payload("page-empty"))
    PAGES[path](
        client(),
        max_results=7,
        pagination_token="18LAA5G1V9DLILOG0G00ZZZA",
        event_types=["MessageCreate", "ParticipantsJoin"],
    )
    query = query_of(x)
    assert (query["max_results"], query["pagination_token"]) == ("7", "18LAA5G1V9DLILOG0G00ZZZA")
    assert query["event_types"] == "MessageCreate,ParticipantsJoin"


def test_one_event_is_asked_for_like_a_page(x):
    x.add("GET", f"{API}/2/dm_events/{EVENT}", json=payload("event-one"))
    assert client().dm_event(EVENT).value.events[0].media_keys == ("5_1920000000000000700",)
    assert "max_results" not in query_of(x)
    assert "dm_event.fields" in query_of(x)


def test_people_are_not_expanded_where_nobody_wants_them(x):
    x.add("GET", f"{API}/2/dm_events", json=payload("page-empty"))
    client().dm_events(expand_users=False)
    assert query_of(x)["expansions"] == "attachments.media_keys,referenced_tweets.id"
    assert "sender_id" in query_of(x)["dm_event.fields"]


def test_in_the_post_vocabulary_senders_are_expansions_and_stay(x):
    x.add("GET", f"{API}/2/dm_events", json=payload("page-post-vocabulary"))
    client(vocabulary="post").dm_events(expand_users=False)
    query = query_of(x)
    assert query["expansions"] == "sender_id,participant_ids,attachments.media_keys,referenced_posts"
    assert "note_post" in query["post.fields"]
    assert "tweet" not in urlsplit(x.calls[0].request.url).query


def test_an_answer_holds_limits_prices_date_and_transaction(x):
    headers = {
        "x-rate-limit-limit": "15",
        "x-rate-limit-remaining": "9",
        "x-rate-limit-reset": "1790000000",
        "date": "Fri, 02 Oct 2026 09:31:00 UTC",
        "x-transaction-id": "6f38f4836665784c",
        "api-version": "2.167",
    }
    x.add("GET", f"{API}/2/dm_events", json=payload("page-tweet-vocabulary"), headers=headers)
    answer = client().dm_events()
    assert answer.rate_limit == RateLimit(15, 9, datetime.fromtimestamp(1790000000, UTC))
    assert (answer.billed.events, answer.billed.users, answer.billed.posts) == (5, 2, 1)
    assert answer.answered_at == datetime(2026, 10, 2, 9, 31, tzinfo=UTC)
    assert (answer.endpoint, answer.transaction_id, answer.api_version) == (
        "GET /2/dm_events",
        "6f38f4836665784c",
        "2.167",
    )


def test_the_bearer_is_in_its_header_and_nowhere_else(x):
    x.add("GET", f"{API}/2/users/me", json=payload("me"))
    user = client().me()
    request = x.calls[0].request
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in request.url
    assert (user.value.id, user.billed.user_ids) == (ADA, (ADA,))


def test_people_are_looked_up_by_id(x):
    x.add("GET", f"{API}/2/users", json=payload("users-one-suspended"))
    answer = client().users([CLEO, "1900000000000000303", CLEO])
    assert query_of(x)["ids"] == f"{CLEO},1900000000000000303"
    assert [user.username for user in answer.value.users] == ["cleo_reads"]
    assert answer.problems[0].resource_id == "1900000000000000303"


def test_a_person_that_cannot_be_read_is_kept_beside_the_others(x):
    x.add("GET", f"{API}/2/users", json={"data": [{"id": CLEO}, {"id": 5.5}]})
    people = client().users([CLEO]).value
    assert len(people.users) == 1
    assert [(odd.raw, odd.reason) for odd in people.odd] == [({"id": 5.5}, "id is no id")]


def test_a_person_is_looked_up_by_username(x):
    x.add("GET", f"{API}/2/users/by/username/NordlichtHelp", json=payload("me"))
    assert client().user_by_username("NordlichtHelp").value.id == ADA


def test_posts_are_looked_up_with_what_hangs_on_them(x):
    x.add("GET", f"{API}/2/tweets", json=payload("posts-tweet-vocabulary"))
    answer = client().tweets(["1915000000000000002", "1915000000000000009"])
    assert query_of(x)["expansions"].split(",") == [
        "author_id",
        "attachments.media_keys",
        "attachments.poll_ids",
        "referenced_tweets.id",
        "referenced_tweets.id.author_id",
        "referenced_tweets.id.attachments.media_keys",
    ]
    assert "poll.fields" in query_of(x)
    assert answer.billed == Billed(user_ids=(ADA,), post_ids=("1915000000000000002", "1915000000000000001"))
    assert answer.problems[0].resource_id == "1915000000000000009"


def test_posts_in_the_post_vocabulary(x):
    x.add("GET", f"{API}/2/tweets", json=payload("posts-post-vocabulary"))
    answer = client(vocabulary="post").tweets(["1915000000000000002"])
    assert query_of(x)["expansions"] == "author_id,attachments.media_keys,attachments.poll_ids,referenced_posts"
    assert answer.value.posts[0].references[0].type == "quoted"


SENDS = [
    (f"/2/dm_conversations/with/{CLEO}/messages", lambda c, *a: c.send_to_participant(CLEO, *a)),
    (f"/2/dm_conversations/{CONVERSATION}/messages", lambda c, *a: c.send_to_conversation(CONVERSATION, *a)),
]


@pytest.mark.parametrize(("path", "send"), SENDS)
@pytest.mark.parametrize(
    ("arguments", "body"),
    [
        (("Hello",), {"text": "Hello"}),
        ((None, ["1920000000000000700"]), {"attachments": [{"media_id": "1920000000000000700"}]}),
        (("Look", ["1"]), {"text": "Look", "attachments": [{"media_id": "1"}]}),
    ],
)
def test_a_message_has_exactly_the_members_x_knows(x, path, send, arguments, body):
    x.add("POST", API + path, status=201, json=payload("sent"))
    answer = send(client(), *arguments)
    assert json.loads(x.calls[0].request.body) == body
    assert (answer.value.dm_event_id, answer.value.dm_conversation_id) == ("1920000000000000910", CONVERSATION)
    assert answer.billed == Billed()


def test_a_group_begins_with_its_first_message(x):
    x.add("POST", f"{API}/2/dm_conversations", status=201, json=payload("sent"))
    client().create_group([ADA, CLEO], "Welcome")
    assert json.loads(x.calls[0].request.body) == {
        "conversation_type": "Group",
        "participant_ids": [ADA, CLEO],
        "message": {"text": "Welcome"},
    }


def test_any_2xx_with_an_event_id_means_sent(x):
    x.add("POST", f"{API}/2/dm_conversations/{CONVERSATION}/messages", status=200, json={"data": {"dm_event_id": "5"}})
    sent = client().send_to_conversation(CONVERSATION, "Hello").value
    assert (sent.dm_event_id, sent.dm_conversation_id) == ("5", None)


def test_an_own_message_is_deleted(x):
    x.add("DELETE", f"{API}/2/dm_events/{EVENT}", json=payload("deleted"))
    assert client().delete_dm_event(EVENT).value is True


def test_a_conversation_with_a_colon_is_asked_for_with_a_hyphen(x):
    x.add("GET", f"{API}/2/dm_conversations/{CONVERSATION}/dm_events", json=payload("page-empty"))
    client().conversation_dm_events(CONVERSATION.replace("-", ":"))


BAD_CALLS = {
    "a path in an event id": lambda c: c.dm_event("../users/me"),
    "an empty event id": lambda c: c.dm_event(""),
    "an id with a line break": lambda c: c.dm_event("12\n"),
    "an id of 20 digits": lambda c: c.dm_event("1" * 20),
    "digits of another script": lambda c: c.dm_event("١٢"),
    "a handle as participant": lambda c: c.dm_events_with("cleo_reads"),
    "half a conversation": lambda c: c.conversation_dm_events("1-"),
    "a group id that is too short": lambda c: c.conversation_dm_events("123"),
    "a username with @": lambda c: c.user_by_username("@nordlicht"),
    "a username of 16": lambda c: c.user_by_username("a" * 16),
    "no result": lambda c: c.dm_events(max_results=0),
    "101 results": lambda c: c.dm_events(max_results=101),
    "an unknown event type": lambda c: c.dm_events(event_types=["Typing"]),
    "no ids": lambda c: c.users([]),
    "101 ids": lambda c: c.tweets([str(n) for n in range(1, 102)]),
    "two ids in one": lambda c: c.users(["1,2"]),
    "an empty message": lambda c: c.send_to_participant(CLEO, ""),
    "nothing to send": lambda c: c.send_to_conversation(CONVERSATION),
    "media that is no id": lambda c: c.send_to_participant(CLEO, "x", ["5_1"]),
    "a group of one": lambda c: c.create_group([CLEO], "x"),
    "a group of fifty": lambda c: c.create_group([str(n) for n in range(1, 51)], "x"),
    "a way up in a resource": lambda c: c.dm_media("1", "2", "..").__enter__(),
    "a slash in a resource": lambda c: c.dm_media("1", "2", "a/b.jpg").__enter__(),
}


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS)
def test_what_x_could_not_take_never_leaves(x, call):
    with pytest.raises(ValueError):
        call(client())
    assert len(x.calls) == 0


@pytest.mark.parametrize("token", ["", "a b", "line\n", "ümlaut"])
def test_a_token_that_is_none_is_refused_without_repeating_it(token):
    with pytest.raises(ValueError) as caught:
        XClient(token)
    assert "line" not in str(caught.value)


def page(*ids: str, next_token: str | None = None) -> Answer[Page]:
    value = Page(events=tuple(map(DmEvent, ids)), next_token=next_token)
    return Answer(value, RateLimit(), Billed(), (), datetime(2026, 10, 2, tzinfo=UTC), "GET /2/dm_events")


def walk(
    answers: dict[str | None, Answer[Page]], start: str | None = None
) -> tuple[list[str | None], list[Answer[Page]]]:
    asked: list[str | None] = []

    def fetch(token: str | None) -> Answer[Page]:
        asked.append(token)
        return answers[token]

    return asked, list(XClient.pages(fetch, start))


def test_pages_follow_the_tokens_to_the_end():
    asked, pages = walk({None: page("3", next_token="a"), "a": page("2", next_token="b"), "b": page("1")})
    assert asked == [None, "a", "b"]
    assert [event.id for answer in pages for event in answer.value.events] == ["3", "2", "1"]


def test_pages_begin_at_a_stored_token():
    assert walk({"b": page("1")}, start="b")[0] == ["b"]


def test_pages_end_when_a_token_comes_back():
    answers = {None: page("3", next_token="a"), "a": page("2", next_token="b"), "b": page("1", next_token="a")}
    assert walk(answers)[0] == [None, "a", "b"]


def test_pages_end_when_the_token_they_began_with_comes_back():
    assert walk({"a": page("1", next_token="a")}, start="a")[0] == ["a"]


def test_five_empty_pages_in_a_row_are_followed():
    answers = {None: page(next_token="1"), **{str(n): page(next_token=str(n + 1)) for n in range(1, 5)}, "5": page("1")}
    asked, pages = walk(answers)
    assert asked == [None, "1", "2", "3", "4", "5"]
    assert pages[-1].value.events


def test_after_five_empty_pages_the_gap_stays_open_with_its_token():
    answers = {None: page(next_token="1"), **{str(n): page(next_token=str(n + 1)) for n in range(1, 20)}}
    asked, pages = walk(answers)
    assert len(asked) == 6
    assert pages[-1].value.next_token == "6"


def test_a_page_with_an_event_starts_the_count_of_empty_ones_again():
    empty = {str(n): page(next_token=str(n + 1)) for n in range(1, 12)}
    asked, _ = walk({None: page(next_token="1"), **empty, "4": page("9", next_token="5"), "9": page("8")})
    assert asked[-1] == "9"


def test_pages_ask_for_the_next_one_only_when_it_is_wanted():
    asked = []
    pages = XClient.pages(lambda token: asked.append(token) or page("1", next_token="a"))
    next(pages)
    assert asked == [None]
