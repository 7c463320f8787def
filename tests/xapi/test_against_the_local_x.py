"""The client and the local X, which share no code, understand each other over real HTTP."""

from functools import partial

import pytest

from dminbox.xapi import errors
from dminbox.xapi.client import XClient
from dminbox.xsim.demo import SUPPORT_ID
from tests.xsim_server import start_xsim


@pytest.fixture(scope="module")
def demo():
    with start_xsim(world="demo") as x:
        x.post("/_sim/clock", {"frozen": True})
        x.post("/_sim/settings", {"dm_get_limit": 10_000})
        yield x


@pytest.fixture(params=["tweet", "post"])
def client(demo, request):
    token = demo.grant(SUPPORT_ID)["access_token"]
    with XClient(token, api_url=demo.url, vocabulary=request.param, allow_http=True) as c:
        yield c


def test_every_event_of_every_conversation_is_read_once(demo, client):
    recent = {event.dm_conversation_id for page in pages(client.dm_events) for event in page.events}
    assert len(recent) > 10
    for conversation in recent:
        read = pages(partial(client.conversation_dm_events, conversation))
        assert sorted(event.id for page in read for event in page.events) == shown(demo, conversation)
        assert not any(page.odd or page.includes.odd for page in read)


def shown(demo, conversation: str) -> list[str]:
    """The ids of all that the local X shows the support account of a conversation."""
    return sorted(
        event["id"]
        for event in demo.get("/_sim/world")["events"]
        if event["dm_conversation_id"] == conversation
        and not event["is_hidden"]
        and SUPPORT_ID not in event["deleted_for"]
    )


def pages(fetch):
    return [answer.value for answer in XClient.pages(lambda token: fetch(pagination_token=token, max_results=50))]


def test_the_local_x_meters_what_the_client_counts(demo, client):
    demo.post("/_sim/meter/reset", {})
    answers = list(XClient.pages(lambda token: client.dm_events(pagination_token=token)))
    counted = [{key for answer in answers for key in getattr(answer.billed, kind)} for kind in KINDS]
    metered = demo.get("/_sim/meter")["today"]
    assert [len(ids) for ids in counted] == [metered["events"], metered["users"], metered["posts"]]


KINDS = ("event_ids", "user_ids", "post_ids")


def test_the_local_x_knows_every_word_we_send(demo, client):
    client.dm_events()
    client.me()
    assert demo.get("/_sim/unknown") == []


@pytest.mark.parametrize(
    ("fault", "on_read", "on_send"),
    [
        ("401", errors.TokenRefused, errors.TokenRefused),
        ("402-2026-02", errors.NoCredit, errors.NoCredit),
        ("402", errors.NoCredit, errors.NoCredit),
        ("403", errors.ScopesMissing, errors.ScopesMissing),
        ("403-client-not-enrolled", errors.OperatorMustAct, errors.OperatorMustAct),
        ("403-oauth1", errors.OperatorMustAct, errors.OperatorMustAct),
        ("403-unsupported-auth", errors.OperatorMustAct, errors.OperatorMustAct),
        ("403-dm", errors.ScopesMissing, errors.RecipientRefuses),
        ("403-not-permitted", errors.NotPermitted, errors.NotPermitted),
        ("404", errors.NotThere, errors.NotThere),
        ("429", errors.RateLimited, errors.RateLimited),
        ("429-no-reset", errors.RateLimited, errors.RateLimited),
        ("500-html", errors.Unavailable, errors.OutcomeUnknown),
        ("503", errors.Unavailable, errors.OutcomeUnknown),
        ("503-empty", errors.Unavailable, errors.OutcomeUnknown),
        ("cut-before", errors.Unavailable, errors.OutcomeUnknown),
        ("cut-after", errors.Unavailable, errors.OutcomeUnknown),
    ],
)
def test_each_fault_of_the_local_x_has_its_error(demo, client, fault, on_read, on_send):
    conversation = client.dm_events(max_results=1).value.events[0].dm_conversation_id
    for error, call in (
        (on_read, client.dm_events),
        (on_send, lambda: client.send_to_conversation(conversation, "Hello")),
    ):
        demo.post("/_sim/faults", {"kind": fault})
        with pytest.raises(errors.XError) as caught:
            call()
        demo.delete("/_sim/faults")
        assert type(caught.value) is error
