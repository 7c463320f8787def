"""A small world at the local X for lookups: our two accounts, customers, and an account that speaks for one of ours."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

from django.utils import timezone

from accounts.models import XAccount
from conversations.models import EventPost, Post, XUser
from tests.factories import ConversationFactory, DmEventFactory, ParticipantFactory, XAccountFactory

HELP, STUDIO = "1500000000000000001", "1500000000000000002"
ADA, BEN, CLEO = "2000000000000000001", "2000000000000000002", "2000000000000000003"


def people(x):
    named = {HELP: "NordlichtHelp", STUDIO: "NordlichtStudio", ADA: "ada_lamps", BEN: "ben_reads", CLEO: "cleo"}
    x.post("people", [{"id": pk, "username": name, "name": name.title()} for pk, name in named.items()])


def connected(x, user_id=HELP):
    pair = x.grant(user_id)
    tokens = {"access_token": pair["access_token"], "refresh_token": pair["refresh_token"]}
    return XAccountFactory(x_user_id=int(user_id), **tokens)


def post(x, pk, author=ADA, **fields):
    made = {"id": str(pk), "author_id": author, "text": f"Post {pk}", "created_at": "2026-11-01T12:00:00Z"}
    x.post("posts", [made | fields])


def shared(x_account, *pks):
    """The posts as a page of events leaves them: shown in a conversation, their details due."""
    rows = [Post.objects.create(pk=pk, x_account=x_account, text="as the event showed it") for pk in pks]
    event = DmEventFactory(conversation=ConversationFactory(x_account=x_account))
    EventPost.objects.bulk_create([EventPost(event=event, post=row) for row in rows])
    return rows


def due(pk, **fields):
    """A person who is to be looked up, and nobody knows why."""
    return XUser.objects.create(pk=int(pk), lookup_due_at=timezone.now() - timedelta(seconds=1), **fields)


def named(pk, *x_accounts, **fields):
    """A person whom an event named without showing them, to these X accounts, or to all there are."""
    person = due(pk, **fields)
    for x_account in x_accounts or XAccount.objects.order_by("pk"):
        ParticipantFactory(conversation=ConversationFactory(x_account=x_account, peer=person), x_user=person)
    return person


def asked(x, path):
    """The ids of each call to one endpoint."""
    calls = [request for request in x.get("requests") if request["path"] == path]
    return [sorted(parse_qs(request["query"])["ids"][0].split(",")) for request in calls]


SEEN = datetime(2026, 1, 1, tzinfo=UTC)
