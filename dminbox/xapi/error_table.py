"""What each sign of X means: the one table from status, type and words to an error of the tree."""

import re
from collections.abc import Container
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from dminbox.xapi.errors import (
    BadPageToken,
    BadRequest,
    GrantRefused,
    NoCredit,
    NotPermitted,
    NotThere,
    OperatorMustAct,
    OutcomeUnknown,
    RateLimited,
    RecipientRefuses,
    ScopesMissing,
    StreamTaken,
    SubscriptionCap,
    TokenRefused,
    Unavailable,
    UnexpectedAnswer,
    XError,
)
from dminbox.xapi.parsing import parse_problems
from dminbox.xapi.reply import Kind, Reply
from dminbox.xapi.schema import Problem

ANY = frozenset(Kind)
READ = frozenset({Kind.READ})
WRITE = frozenset({Kind.WRITE})
TOKEN = frozenset({Kind.TOKEN})
APP = frozenset({Kind.APP_READ, Kind.APP_WRITE})
APP_TOKEN = frozenset({Kind.APP_TOKEN})
CHANGES = frozenset({Kind.WRITE, Kind.APP_WRITE})
WITH_EFFECT = frozenset(kind for kind in Kind if kind.has_effect)

TROUBLE = (408, *range(500, 600))


def gettext_noop(words: str) -> str:
    """Marks words for the translators; whoever shows them looks them up."""
    return words


ENROL = gettext_noop(
    "X does not let this app use the API: in X's developer portal, put the app into a project that has the "
    "pay-per-use package and choose its Production environment."
)
USER_TOKEN = gettext_noop(
    "Direct Messages need an OAuth 2.0 token of a person: check X_CLIENT_ID and the app type in X's portal."
)
DM_RIGHT = gettext_noop(
    "The app may not use Direct Messages: set its permission to read, write and Direct Messages, then reconnect."
)
SECRET = gettext_noop("X does not know this app or its secret: check X_CLIENT_ID and X_CLIENT_SECRET.")

CONSUMER = gettext_noop(
    "X does not know this app by its API key and secret: check X_CONSUMER_KEY and X_CONSUMER_SECRET. They are not the "
    "OAuth 2.0 client id and secret."
)
APP_RIGHT = gettext_noop(
    "X does not let this app use its Activity API: check X_CONSUMER_KEY and X_CONSUMER_SECRET, and the package of the "
    "app in X's portal."
)
CRC = gettext_noop(
    "X called the webhook and got a wrong answer to its challenge: check that X_CONSUMER_SECRET is the secret of the "
    "API key, not of the OAuth 2.0 client, and that the address leads here."
)
WEBHOOK_URL = gettext_noop(
    "X calls a webhook only over https://, at a public address without a port, and does not follow redirects."
)
WEBHOOK_LIMIT = gettext_noop("X allows this app no further webhook: remove one in X's portal.")

SUBSCRIBE = "POST /2/activity/subscriptions"
CAP_WORDS = (
    r"(limit|maximum|cap|quota|too many)\b.*\bsubscriptions?\b|\bsubscriptions?\b.*\b(limit|maximum|cap\b|quota)"
)


@dataclass(frozen=True, slots=True)
class Sign:
    """One row: the error when everything that is set fits. `words` are looked for in X's detail and message; `name`,
    the way X names a failure of a webhook or stream, also in its type and title.

    status is that of the HTTP answer; for a 200 that holds only errors, that of the single problem, if it has one.
    """

    error: type[XError]
    status: Container[int] | None = None
    type: str | None = None
    words: str | None = None
    name: str | None = None
    code: int | None = None
    parameter: str | None = None
    is_json: bool | None = None
    endpoint: str | None = None
    kinds: frozenset[Kind] = ANY
    hint: str = ""


# Read from the top: the first row that fits any of the problems decides.
SIGNS = (
    Sign(OperatorMustAct, type="client-forbidden", hint=ENROL),
    Sign(OperatorMustAct, type="client-not-enrolled", hint=ENROL),
    Sign(OperatorMustAct, type="unsupported-authentication", kinds=APP, hint=APP_RIGHT),
    Sign(OperatorMustAct, type="unsupported-authentication", hint=USER_TOKEN),
    Sign(OperatorMustAct, type="oauth1-permissions", hint=DM_RIGHT),
    Sign(OperatorMustAct, code=93, hint=DM_RIGHT),
    Sign(OperatorMustAct, type="unauthorized_client", kinds=TOKEN, hint=SECRET),
    Sign(OperatorMustAct, type="invalid_client", kinds=TOKEN, hint=SECRET),
    # The older token endpoint, which gives the app's own bearer, says 403 and a number.
    Sign(OperatorMustAct, code=99, kinds=APP_TOKEN, hint=CONSUMER),
    Sign(OperatorMustAct, status=(401,), kinds=APP_TOKEN, hint=CONSUMER),
    Sign(OperatorMustAct, status=(401,), kinds=APP, hint=CONSUMER),
    Sign(NoCredit, status=(402,)),
    Sign(NoCredit, type="credits"),
    Sign(NoCredit, type="credits-depleted"),
    Sign(GrantRefused, type="invalid_grant", kinds=TOKEN),
    Sign(GrantRefused, words="value passed for the token was invalid", kinds=TOKEN),
    Sign(GrantRefused, words="value passed for the authorization code was invalid", kinds=TOKEN),
    Sign(OperatorMustAct, status=(401,), kinds=TOKEN, hint=SECRET),
    Sign(TokenRefused, status=(401,)),
    Sign(StreamTaken, name="TooManyConnections", kinds=APP),
    Sign(StreamTaken, type="streaming-connection", kinds=APP),
    Sign(StreamTaken, words="maximum allowed connection limit", kinds=APP),
    Sign(RateLimited, status=(429,)),
    Sign(RateLimited, type="usage-capped"),
    Sign(RateLimited, code=88),
    Sign(SubscriptionCap, status=range(400, 500), words=CAP_WORDS, endpoint=SUBSCRIBE, kinds=CHANGES),
    Sign(SubscriptionCap, name="SubscriptionLimitExceeded", endpoint=SUBSCRIBE, kinds=CHANGES),
    Sign(SubscriptionCap, name="TooManySubscriptions", endpoint=SUBSCRIBE, kinds=CHANGES),
    Sign(OperatorMustAct, name="CrcValidationFailed", kinds=APP, hint=CRC),
    Sign(OperatorMustAct, name="UrlValidationFailed", kinds=APP, hint=WEBHOOK_URL),
    Sign(NotThere, name="WebhookIdInvalid", kinds=APP),
    Sign(OperatorMustAct, name="WebhookLimitExceeded", kinds=APP, hint=WEBHOOK_LIMIT),
    Sign(RecipientRefuses, words="do not have permission to dm", kinds=WRITE),
    Sign(RecipientRefuses, code=349, kinds=WRITE),
    Sign(RecipientRefuses, code=150, kinds=WRITE),
    Sign(RecipientRefuses, code=476, kinds=WRITE),
    Sign(NotPermitted, words="operation is not permitted"),
    Sign(NotPermitted, code=226),
    Sign(NotPermitted, type="not-authorized-for-resource"),
    Sign(NotPermitted, type="not-authorized-for-field"),
    Sign(NotPermitted, type="field-unauthorized"),
    Sign(NotPermitted, type="disallowed-resource"),
    Sign(OperatorMustAct, status=(403,), type="about:blank", kinds=APP, hint=APP_RIGHT),
    Sign(ScopesMissing, status=(403,), type="about:blank", kinds=READ),
    Sign(ScopesMissing, status=(403,), words="^forbidden$"),
    # The page of a proxy or of X's own guard, not the API's word.
    Sign(Unavailable, status=(403,), is_json=False),
    Sign(NotPermitted, status=(403,)),
    Sign(BadPageToken, parameter="pagination_token"),
    Sign(BadPageToken, words="`pagination_token` query parameter value"),
    Sign(BadRequest, type="invalid-request"),
    Sign(NotThere, status=(404,)),
    Sign(OutcomeUnknown, status=TROUBLE, kinds=WITH_EFFECT),
    Sign(Unavailable, status=TROUBLE),
    Sign(OutcomeUnknown, type="internal-error", kinds=WITH_EFFECT),
    Sign(Unavailable, type="internal-error"),
    Sign(Unavailable, type="field-hydration-failure"),
    Sign(BadRequest, status=range(400, 500)),
    Sign(NotThere, type="resource-unavailable"),
    # Last, so that a lookup of many ids is "not there" only when nothing else was wrong with it.
    Sign(NotThere, type="resource-not-found"),
    Sign(OutcomeUnknown, status=range(200, 300), kinds=WITH_EFFECT),
    Sign(UnexpectedAnswer),
)


def failure_in(reply: Reply) -> XError | None:
    """The error this answer is, or None. Errors beside data are no failure; a 200 with nothing but errors is one."""
    if 200 <= reply.status < 300 and not _holds_only_errors(reply.body):
        return None
    problems = parse_problems(reply.body)
    sign = _meaning(reply, problems)
    error = _build(sign.error, reply, problems)
    if isinstance(error, OperatorMustAct):
        error.hint = sign.hint
    if isinstance(error, RateLimited):
        error.reset_at = _opens_at(reply)
    return error


def unreadable(reply: Reply, reason: str) -> XError:
    """A 2xx that cannot be read. What had an effect there probably took it, so then the outcome is unknown."""
    error = OutcomeUnknown if reply.kind.has_effect else UnexpectedAnswer
    return _build(error, reply, parse_problems(reply.body), reason)


def _holds_only_errors(body: Any) -> bool:
    return isinstance(body, dict) and bool(body.get("errors")) and not body.get("data")


def _meaning(reply: Reply, problems: tuple[Problem, ...]) -> Sign:
    said = problems or (Problem(),)
    return next(sign for sign in SIGNS if any(_fits(sign, reply, problem) for problem in said))


def _fits(sign: Sign, reply: Reply, problem: Problem) -> bool:
    wanted = (
        reply.kind in sign.kinds,
        sign.status is None or _status(reply, problem) in sign.status,
        sign.type is None or sign.type == problem.type,
        sign.name is None or _is_named(sign.name, problem),
        sign.endpoint is None or sign.endpoint == reply.endpoint,
        sign.words is None or re.search(sign.words, problem.detail or "", re.IGNORECASE) is not None,
        sign.code is None or problem.raw.get("code") == sign.code,
        sign.parameter is None or sign.parameter == problem.parameter,
        sign.is_json is None or sign.is_json == reply.is_json,
    )
    return all(wanted)


def _is_named(name: str, problem: Problem) -> bool:
    said = " ".join(str(problem.raw.get(member, "")) for member in ("type", "title", "detail", "message", "reason"))
    return name.lower() in re.sub(r"[\s_-]", "", said).lower()


def _status(reply: Reply, problem: Problem) -> int:
    told = problem.raw.get("status")
    if 200 <= reply.status < 300 and isinstance(told, int):
        return told
    return reply.status


def _build(error: type[XError], reply: Reply, problems: tuple[Problem, ...], reason: str = "") -> XError:
    return error(
        _message(reply, problems, reason),
        status=reply.status,
        # A token call that worked carries tokens, whatever else is wrong with its answer.
        body=None if reply.kind.gives_tokens and reply.status < 300 else reply.body,
        headers={name.lower(): value for name, value in reply.headers.items() if name.lower() != "set-cookie"},
        transaction_id=reply.transaction_id,
        endpoint=reply.endpoint,
        rate_limit=reply.rate_limit,
        answered_at=reply.answered_at,
        problems=problems,
    )


def _message(reply: Reply, problems: tuple[Problem, ...], reason: str) -> str:
    """Only what may stand in a log: no word of X's details, which repeat what people wrote."""
    phrase = HTTPStatus(reply.status).phrase if reply.status in set(HTTPStatus) else ""
    types = dict.fromkeys(problem.type for problem in problems if problem.type not in (None, "about:blank"))
    parts = [f"{reply.status} {phrase}".strip(), *map(str, types), reason]
    if reply.transaction_id:
        parts.append(f"x-transaction-id {reply.transaction_id[:64]}")
    return f"{reply.endpoint}: " + ", ".join(part for part in parts if part)


def _opens_at(reply: Reply) -> datetime | None:
    """When the used-up window opens again: of several, the last; of none that X names as empty, the short one."""
    limit = reply.rate_limit
    windows = (
        (limit.remaining, limit.reset_at),
        (limit.user_day_remaining, limit.user_day_reset_at),
        (limit.app_day_remaining, limit.app_day_reset_at),
    )
    empty = [reset_at for remaining, reset_at in windows if remaining == 0 and reset_at is not None]
    return max(empty, default=None) or limit.reset_at or _retry_after(reply)


def _retry_after(reply: Reply) -> datetime | None:
    seconds = reply.headers.get("retry-after", "")
    is_seconds = seconds.isascii() and seconds.isdigit() and len(seconds) < 7
    return datetime.now(UTC) + timedelta(seconds=int(seconds)) if is_seconds else None
