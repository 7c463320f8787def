"""X's own contract and X's real answers (X_CONTRACT_DIR): what we ask for is allowed, what X says is read."""

import json
import os
import re
from collections import Counter
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from dminbox.xapi import errors, oauth
from dminbox.xapi.client import XClient
from dminbox.xapi.parsing import parse_event, parse_page, parse_sent
from tests.xapi.support import ADA, API, CLEO, CONVERSATION, EVENT, client, payload

pytestmark = pytest.mark.contract

DIRECTORY = Path(os.environ["X_CONTRACT_DIR"]).resolve()
SPECS = {
    "tweet": json.loads((DIRECTORY / "openapi-2.166.json").read_text()),
    "post": json.loads((DIRECTORY / "openapi-2.167.json").read_text()),
}
TOKEN = "18LAA5G1V9DLILOG0G00ZZZZ"


def real(name: str):
    return json.loads((DIRECTORY / "payloads" / name).read_text())


def names(pattern: str) -> list[str]:
    found = sorted(path.name for path in (DIRECTORY / "payloads").glob(pattern))
    assert found
    return found


def full_page(call):
    """The call with every parameter of a page that can be set."""
    kinds = ("MessageCreate", "ParticipantsJoin", "ParticipantsLeave")
    return lambda c: call(c, max_results=100, pagination_token=TOKEN, event_types=kinds)


READS = {
    "/2/dm_events": full_page(lambda c, **o: c.dm_events(**o)),
    "/2/dm_conversations/with/{participant_id}/dm_events": full_page(lambda c, **o: c.dm_events_with(CLEO, **o)),
    "/2/dm_conversations/{id}/dm_events": full_page(lambda c, **o: c.conversation_dm_events(CONVERSATION, **o)),
    "/2/dm_events/{event_id}": lambda c: c.dm_event(EVENT),
    "/2/users/me": lambda c: c.me(),
    "/2/users": lambda c: c.users([ADA, CLEO]),
    "/2/users/by/username/{username}": lambda c: c.user_by_username("NordlichtHelp"),
    "/2/tweets": lambda c: c.tweets(["1915000000000000001"]),
    "/2/dm_conversations/media/{dm_id}/{media_id}/{resource_id}": lambda c: c.dm_media("1", "2", "a.jpg").__enter__(),
}
WRITES = {
    "/2/dm_conversations/with/{participant_id}/messages": lambda c: c.send_to_participant(CLEO, "Hello", ["1"]),
    "/2/dm_conversations/{dm_conversation_id}/messages": lambda c: c.send_to_conversation(CONVERSATION, "Hello", ["1"]),
    "/2/dm_conversations": lambda c: c.create_group([ADA, CLEO], "Hello", ["1"]),
}


def resolve(spec, schema):
    while "$ref" in schema:
        target = spec
        for part in schema["$ref"].split("/")[1:]:
            target = target[part]
        schema = target
    return schema


def request_of(call, vocabulary: str, method: str = "GET"):
    """What the call sends; the answer does not matter."""
    with responses.RequestsMock() as x:
        x.add(method, re.compile(re.escape(API) + ".*"), status=404)
        with pytest.raises(errors.NotThere):
            call(client(vocabulary=vocabulary))
        return x.calls[0].request


@pytest.mark.parametrize("path", READS)
@pytest.mark.parametrize("vocabulary", SPECS)
def test_every_parameter_we_send_is_one_x_documents(vocabulary, path):
    spec = SPECS[vocabulary]
    documented = [resolve(spec, parameter) for parameter in spec["paths"][path]["get"].get("parameters", [])]
    sent = parse_qs(urlsplit(request_of(READS[path], vocabulary).url).query)
    known = {
        parameter["name"]: resolve(spec, parameter["schema"]) for parameter in documented if parameter["in"] == "query"
    }
    assert set(sent) <= set(known)
    for name, (value,) in sent.items():
        check(spec, known[name], value)


def check(spec, schema, value: str) -> None:
    if schema["type"] == "array":
        values = value.split(",")
        assert schema.get("minItems", 0) <= len(values) <= schema.get("maxItems", 1000)
        assert not schema.get("uniqueItems") or max(Counter(values).values()) == 1
        for element in values:
            check(spec, resolve(spec, schema["items"]), element)
    elif schema["type"] == "integer":
        assert schema["minimum"] <= int(value) <= schema["maximum"]
    else:
        assert value in schema.get("enum", [value])
        assert re.search(schema.get("pattern", ""), value)
        assert len(value) >= schema.get("minLength", 0)


@pytest.mark.parametrize("name", ["dm_event.fields", "expansions", "event_types"])
def test_everything_a_dm_lookup_can_give_is_asked_for(name):
    for vocabulary, spec in SPECS.items():
        sent = parse_qs(urlsplit(request_of(READS["/2/dm_events"], vocabulary).url).query)[name][0].split(",")
        parameters = [resolve(spec, parameter) for parameter in spec["paths"]["/2/dm_events"]["get"]["parameters"]]
        schema = next(parameter["schema"] for parameter in parameters if parameter["name"] == name)
        assert set(sent) == set(resolve(spec, resolve(spec, schema)["items"])["enum"])


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("vocabulary", SPECS)
def test_the_body_of_a_message_is_one_x_takes(vocabulary, path):
    spec = SPECS[vocabulary]
    schema = spec["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert_takes(spec, schema, json.loads(request_of(WRITES[path], vocabulary, "POST").body))


def assert_takes(spec, schema, value) -> None:
    schema = resolve(spec, schema)
    if "properties" not in schema and "anyOf" in schema:
        schema = resolve(spec, schema["anyOf"][0])
    if isinstance(value, dict):
        assert set(schema.get("required", [])) <= set(value) <= set(schema["properties"])
        for name, member in value.items():
            assert_takes(spec, schema["properties"][name], member)
    elif isinstance(value, list):
        assert schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 1000)
        for element in value:
            assert_takes(spec, schema["items"], element)
    else:
        assert value in schema.get("enum", [value])
        assert re.search(schema.get("pattern", ""), value)


@pytest.mark.parametrize("path", [*READS, *WRITES, "/2/dm_events/{event_id}"])
def test_what_our_paths_refuse_is_what_the_contract_refuses(path):
    """Every id we take fits the contract's pattern for it, in both versions."""
    for spec in SPECS.values():
        operation = next(iter(spec["paths"][path].values()))
        for parameter in (resolve(spec, parameter) for parameter in operation.get("parameters", [])):
            pattern = resolve(spec, parameter["schema"]).get("pattern")
            if parameter["in"] == "path" and pattern:
                assert re.search(pattern, EXAMPLES[parameter["name"]])


EXAMPLES = {
    "id": CONVERSATION,
    "dm_conversation_id": CONVERSATION,
    "participant_id": CLEO,
    "event_id": EVENT,
    "dm_id": EVENT,
    "media_id": "1920000000000000700",
    "resource_id": "aB3_x-y.jpg",
    "username": "NordlichtHelp",
}


@pytest.mark.parametrize("name", names("v2-event-*.json"))
def test_real_events_are_read(name):
    raw = real(name)
    event = parse_event(raw)
    assert (event.id, event.event_type, event.text) == (raw["id"], raw["event_type"], raw.get("text"))
    assert (event.sender_id, event.dm_conversation_id) == (raw.get("sender_id"), raw["dm_conversation_id"])
    assert list(event.participant_ids) == raw.get("participant_ids", [])
    assert event.created_at.strftime("%Y-%m-%dT%H:%M:%S.000Z") == raw["created_at"]


@pytest.mark.parametrize("name", names("v2-g*.json"))
def test_real_pages_are_read(name):
    body = real(name)
    page = parse_page(body)
    assert [event.raw for event in page.events] == body.get("data", [])
    assert page.odd == page.includes.odd == ()
    assert [user.raw for user in page.includes.users] == body.get("includes", {}).get("users", [])
    assert [post.raw for post in page.includes.posts] == body.get("includes", {}).get("tweets", [])
    assert page.next_token == body["meta"].get("next_token")


@pytest.mark.parametrize("name", names("v2-post-*.json"))
def test_real_answers_to_a_send_are_read(name):
    data = real(name)["data"]
    sent = parse_sent(real(name))
    assert (sent.dm_event_id, sent.dm_conversation_id) == (data["dm_event_id"], data["dm_conversation_id"])


def answered(call, body, status=200, method="GET"):
    with responses.RequestsMock() as x:
        x.add(method, re.compile(".*"), json=body, status=status)
        return call(client())


def test_real_people_are_read():
    people = answered(lambda c: c.users(["783214", "2244994945"]), real("v2-users-by-ids-default-200.json")).value
    assert [user.username for user in people.users] == ["Twitter", "TwitterDev"]
    assert answered(XClient.me, real("v2-users-me-default-200.json")).value.username == "TweepyDev"


def test_a_real_deletion_is_read():
    assert answered(lambda c: c.delete_dm_event(EVENT), real("dm-delete-200.json"), method="DELETE").value is True


def test_no_v2_payload_is_left_out():
    read = {*names("v2-event-*"), *names("v2-g*"), *names("v2-post-*"), *names("v2-users-*")}
    assert set(names("v2-*.json")) == read


FAILURES = {
    "error-400-invalid-request-docs.json": (400, errors.BadRequest),
    "error-400-pagination-token.json": (400, errors.BadPageToken),
    "error-400-unknown-query-parameter-2025-08.json": (400, errors.BadRequest),
    "error-401-about-blank.json": (401, errors.TokenRefused),
    "error-402-credits-depleted-2026-07.json": (402, errors.NoCredit),
    "error-403-about-blank.json": (403, errors.ScopesMissing),
    "error-403-client-not-enrolled.json": (403, errors.OperatorMustAct),
    "error-403-dm-no-permission.json": (403, errors.RecipientRefuses),
    "error-403-not-permitted.json": (403, errors.NotPermitted),
    "error-403-oauth1-permissions.json": (403, errors.OperatorMustAct),
    "error-403-unsupported-authentication.json": (403, errors.OperatorMustAct),
    "error-429-about-blank.json": (429, errors.RateLimited),
    "error-partial-user-suspended.json": (200, errors.NotThere),
    "error-user-not-found.json": (200, errors.NotThere),
}


@pytest.mark.parametrize("name", FAILURES)
def test_real_failures_become_the_errors_they_mean(name):
    status, error = FAILURES[name]
    is_send = error in (errors.RecipientRefuses, errors.NotPermitted)
    method, call = ("POST", WRITES["/2/dm_conversations"]) if is_send else ("GET", XClient.dm_events)
    with pytest.raises(errors.XError) as caught:
        answered(call, real(name), status, method)
    assert type(caught.value) is error
    assert caught.value.detail


def test_a_real_partial_error_is_an_answer():
    answer = answered(lambda c: c.tweets(["123", "456"]), real("error-partial-tweet-not-found-200.json"))
    assert [post.id for post in answer.value.posts] == ["123"]
    assert [problem.resource_id for problem in answer.problems] == ["456"]


def test_no_error_payload_is_left_out():
    assert set(names("error-*.json")) == {*FAILURES, "error-partial-tweet-not-found-200.json"}


OAUTH = {
    "oauth-error-400-code-invalid.json": (400, errors.GrantRefused),
    "oauth-error-400-missing-verifier.json": (400, errors.BadRequest),
    "oauth-error-400-token-invalid.json": (400, errors.GrantRefused),
    "oauth-error-401-unauthorized-client.json": (401, errors.OperatorMustAct),
}


def renew(body, status=200) -> oauth.TokenPair:
    with responses.RequestsMock() as x:
        x.add("POST", oauth.Endpoints().token_url, json=body, status=status)
        return oauth.refresh(oauth.Endpoints(), client_id="id", client_secret="secret", refresh_token="old")


@pytest.mark.parametrize("name", OAUTH)
def test_real_refusals_of_the_token_endpoint_become_errors(name):
    status, error = OAUTH[name]
    with pytest.raises(errors.XError) as caught:
        renew(real(name), status)
    assert type(caught.value) is error


def test_a_real_pair_is_read():
    pair = renew(real("oauth-token-200.json"))
    assert pair.scopes == {"users.read", "dm.read", "tweet.read", "offline.access", "dm.write"}


def test_no_oauth_payload_is_left_out():
    assert set(names("oauth-*.json")) == {*OAUTH, "oauth-token-200.json"}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("page-empty", "v2-get-dm-events-empty-200"),
        ("page-default-fields", "v2-get-conversation-dm-events-default-fields-200"),
        ("sent", "v2-post-dm-with-user-201"),
        ("deleted", "dm-delete-200"),
        ("error-401", "error-401-about-blank"),
        ("error-402-2026-07", "error-402-credits-depleted-2026-07"),
        ("error-403", "error-403-about-blank"),
        ("error-403-client-not-enrolled", "error-403-client-not-enrolled"),
        ("error-403-oauth1-permissions", "error-403-oauth1-permissions"),
        ("error-403-recipient", "error-403-dm-no-permission"),
        ("error-403-not-permitted", "error-403-not-permitted"),
        ("error-403-unsupported-authentication", "error-403-unsupported-authentication"),
        ("error-429", "error-429-about-blank"),
        ("user-not-found", "error-user-not-found"),
        ("error-400-page-token", "error-400-pagination-token"),
        ("oauth-token", "oauth-token-200"),
        ("oauth-error-client", "oauth-error-401-unauthorized-client"),
        ("oauth-error-token", "oauth-error-400-token-invalid"),
    ],
)
def test_our_own_payloads_have_the_shape_of_the_real_ones(ours, theirs):
    assert shape(payload(ours)) == shape(real(f"{theirs}.json"))


def shape(value):
    if isinstance(value, dict):
        return {name: shape(member) for name, member in value.items()}
    return [shape(element) for element in value] if isinstance(value, list) else type(value).__name__
