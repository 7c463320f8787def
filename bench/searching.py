"""A history of many words to search in, and searches that are timed: what the lane does for `bench.rows.search`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache
from itertools import accumulate
from typing import Any
from urllib.parse import quote

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone
from psycopg import Cursor

from accounts.models import Membership, Role, User, XAccount
from bench.filling import tidy
from conversations.models import Conversation, DmEvent, SearchState, XUser
from conversations.search import index
from conversations.words import facet, tokens_of, words_of
from dminbox import urls
from dminbox.xsim import ids

X_ACCOUNTS = 10
EVENTS_PER_PERSON = 20
LONG_SHARE = 5
"""Each fifth event stands in one and the same thread."""
LAST_SHARE = 50
"""The newest fiftieth is left to the product to index, which is timed."""
APART = 2_000 << 22
WORDS = 40_000
STARTS = "b c d f g h k l m n p r s t v w st tr pl br ch sh th".split()  # noqa: SIM905
ENDS = "a e i o u ai ea ou er an in on".split()  # noqa: SIM905
HOST = "127.0.0.1:8000"
EVENT = (
    "COPY conversations_dmevent (id, conversation_id, dm_event_id, event_type, created_at, sender_id, text, entities,"
    " raw, stored_at) FROM STDIN"
)
ENTRY = "COPY conversations_searchentry (position, event_id, x_account_id, tokens) FROM STDIN"


# --- The history ------------------------------------------------------------------------------------------------------


@cache
def vocabulary() -> list[str]:
    """Words of a made-up language, the short ones first: those are said most."""
    rng = random.Random(1)
    syllables = [start + end for start in STARTS for end in ENDS]
    words: set[str] = set()
    while len(words) < WORDS:
        words.add("".join(rng.choice(syllables) for _ in range(rng.choice([1, 1, 2, 2, 2, 3, 3, 4]))))
    return sorted(words, key=lambda word: (len(word), word))


@cache
def weights() -> list[float]:
    """By Zipf: the second word is said half as often as the first, and so on."""
    return list(accumulate(1 / (place + 2.7) for place in range(WORDS)))


def sentence(rng: random.Random) -> str:
    length = max(1, int(rng.gammavariate(2, 8)))
    return " ".join(rng.choices(vocabulary(), cum_weights=weights(), k=length)).capitalize() + "."


def fill(events: int) -> dict[str, float]:
    """The whole history, all but some of it indexed; gives how fast the product indexes those, and names, a second."""
    people = events // EVENTS_PER_PERSON
    _make_people(people)
    _x_accounts()  # no other question may be asked while rows are copied
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX search_tokens")
        said = list(_said(events, people))
        _copy(cursor, EVENT, (_event_row(*one) for one in said))
        _copy(cursor, ENTRY, (_entry_row(*one) for one in said if one[0] > events // LAST_SHARE))
        cursor.execute("CREATE INDEX search_tokens ON conversations_searchentry USING gin (tokens)")
        cursor.execute("ALTER INDEX search_tokens SET (gin_pending_list_limit = 512)")
        cursor.execute("SELECT setval('conversations_dmevent_id_seq', %s)", [events + 1])
    tidy()
    return {"messages": _index_the_rest(events), "names": _index_the_names(people)}


def _make_people(people: int) -> None:
    """Ada, who sees all X accounts, and customers with one conversation each."""
    rng = random.Random(2)
    ada = User.objects.create_user("ada@nordlicht.example")
    x_accounts = [
        XAccount.objects.create(x_user_id=1_500_000_000_000_000_000 + number, username=f"Nordlicht{number}")
        for number in range(X_ACCOUNTS)
    ]
    Membership.objects.bulk_create([Membership(user=ada, x_account=row, role=Role.AGENT) for row in x_accounts])
    customers = [
        XUser(
            id=2_000_000 + number,
            username=f"{rng.choice(vocabulary())}{number}",
            name=" ".join(rng.choices(vocabulary(), k=2)).title(),
        )
        for number in range(people)
    ]
    XUser.objects.bulk_create(customers, batch_size=5000)
    Conversation.objects.bulk_create(
        [_conversation(number, x_accounts[number % X_ACCOUNTS], row) for number, row in enumerate(customers)],
        batch_size=5000,
    )


def _conversation(number: int, x_account: XAccount, customer: XUser) -> Conversation:
    dm_conversation_id = f"{x_account.x_user_id}-{customer.pk}"
    return Conversation(id=number + 1, x_account=x_account, peer=customer, dm_conversation_id=dm_conversation_id)


def _said(events: int, people: int) -> Iterator[tuple[int, int, int, str]]:
    """Row, dm_event_id, number of the customer and text of each; as an import stores them, newest first."""
    rng = random.Random(3)
    newest = ids.snowflake(datetime.now(UTC))
    for number in range(events):
        customer = 0 if number % LONG_SHARE == 0 else rng.randrange(people)
        yield number + 1, newest - number * APART, customer, sentence(rng)


def _event_row(pk: int, dm_event_id: int, customer: int, text: str) -> tuple[Any, ...]:
    now = timezone.now()
    return pk, customer + 1, dm_event_id, "MessageCreate", now, 2_000_000 + customer, text, "{}", "{}", now


def _entry_row(pk: int, dm_event_id: int, customer: int, text: str) -> tuple[Any, ...]:
    x_account = _x_accounts()[customer % X_ACCOUNTS]
    facets = {facet("account", x_account), facet("from", 2_000_000 + customer), facet("in", customer + 1)}
    return dm_event_id, pk, x_account, sorted(tokens_of(words_of(text)) | facets)


@cache
def _x_accounts() -> list[int]:
    return list(XAccount.objects.order_by("pk").values_list("pk", flat=True))


def _copy(cursor: Any, statement: str, rows: Iterator[tuple[Any, ...]]) -> None:
    with cursor.copy(statement) as copy:
        copy.set_types(_types(statement))
        for row in rows:
            copy.write_row(row)


def _types(statement: str) -> list[str]:
    if statement == ENTRY:
        return ["int8", "int8", "int8", "int4[]"]
    return ["int8", "int8", "int8", "text", "timestamptz", "int8", "text", "text", "text", "timestamptz"]


def _index_the_rest(events: int) -> float:
    """How many messages a second the product indexes beside all the others."""
    left = events // LAST_SHARE
    index.make_missing_states()
    SearchState.objects.update(old_below=left + 1, old_left=left // X_ACCOUNTS)
    started = time.perf_counter()
    while due := index.old_waiting():
        for pk in due:
            index.index_old(pk)
    return left / (time.perf_counter() - started)


def _index_the_names(people: int) -> float:
    started = time.perf_counter()
    index.index_names()
    seconds = time.perf_counter() - started
    tidy()
    return people / seconds


# --- What is searched -------------------------------------------------------------------------------------------------


def searches(kind: str, count: int) -> list[str]:
    """So many different ones of a kind, each drawn from the language or from what was said."""
    rng = random.Random(f"{kind} {count}")
    return [KINDS[kind](rng, number) for number in range(count)]


def _rare(rng: random.Random, _: int) -> str:
    return rng.choice(vocabulary()[WORDS // 2 :])


def _common(_: random.Random, number: int) -> str:
    return vocabulary()[number % 60]


def _phrase(rng: random.Random, _: int) -> str:
    words = _any_text(rng).rstrip(".").split()
    start = rng.randrange(max(1, len(words) - 2))
    return '"' + " ".join(words[start : start + 3]) + '"'


def _substring(rng: random.Random, _: int) -> str:
    word = rng.choice(vocabulary()[WORDS // 20 :])
    length = rng.randint(3, 6)
    start = rng.randrange(max(1, len(word) - length))
    return word[start : start + length]


def _no_hit(rng: random.Random, _: int) -> str:
    return f"{rng.choice(vocabulary())}xq{rng.choice(vocabulary())}"


def _any_text(rng: random.Random) -> str:
    text = ""
    while len(text.split()) < 2:
        text = DmEvent.objects.values_list("text", flat=True).get(pk=rng.randint(1, _events())) or ""
    return text


@cache
def _events() -> int:
    return DmEvent.objects.order_by("-pk").values_list("pk", flat=True)[0]


KINDS: dict[str, Callable[[random.Random, int], str]] = {
    "rare word": _rare,
    "common word": _common,
    "phrase": _phrase,
    "substring": _substring,
    "no hit": _no_hit,
}


# --- Timing -----------------------------------------------------------------------------------------------------------


@login_not_required
def bare(_request: HttpRequest, size: int) -> HttpResponse:
    """As many bytes, and nothing else."""
    return HttpResponse(b"x" * size)


def timed(kind: str, count: int) -> list[dict[str, float]]:
    """Of each search, right after one another: the page, its statements alone, and a view of as many bytes."""
    client = _signed_in()
    return [_timed(client, f"/search/?q={quote(typed)}") for typed in ["warm", *searches(kind, count)]][1:]


@cache
def _signed_in() -> Client:
    urls.urlpatterns.append(path("bare/<int:size>/", bare))
    client = Client(HTTP_HOST=HOST)
    client.force_login(User.objects.get())
    return client


def _timed(client: Client, address: str) -> dict[str, float]:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    statements = [query["sql"] for query in queries.captured_queries]
    size = len(answer.content)
    return {
        "page": _milliseconds(lambda: client.get(address)),
        "sql": _milliseconds(lambda: _run(statements)),
        "bare": _milliseconds(lambda: client.get(f"/bare/{size}/")),
        "hits": answer.content.count(b'class="hit"'),
        "queries": len(statements),
        "bytes": size,
    }


def _run(statements: Sequence[str]) -> None:
    """The same statements by the driver alone, every row read."""
    cursor: Cursor[Any] = connection.connection.cursor()
    for statement in statements:
        cursor.execute(statement.encode())
        if cursor.description:
            cursor.fetchall()


def _milliseconds(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return (time.perf_counter() - started) * 1000
