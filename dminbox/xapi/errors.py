"""What can go wrong between us and X, named by what the caller may do next.

XError
├── TryLater
│   ├── RateLimited       wait until reset_at
│   ├── Unavailable       X in trouble: 5xx, HTML, a cut connection or a timeout on a read; nothing happened there
│   ├── StreamEnded       the stream is over, by its end or a cut: connect again
│   ├── StreamSilent      not even a keep-alive came: the connection is dead, connect again
│   └── StreamTaken       as many streams are open as X allows; one of them may be our own that broke off
├── OutcomeUnknown        a send, delete or token call whose answer was lost: it may have happened
├── TokenRefused          refresh once under a lease, else the person connects again
├── GrantRefused          X no longer takes this code or refresh token
├── ScopesMissing         the person connects again and grants all scopes
├── NoCredit              somebody pays X; waiting alone does not help
├── OperatorMustAct       a setting or the developer portal is wrong; hint says which
├── RecipientRefuses      this person does not take our messages
├── NotPermitted          X's policy says no; show it, never repeat by itself
├── SubscriptionCap       X gives this app no further subscription: who has none is polled
├── NotThere              gone, or never ours to see
├── BadRequest            our request is wrong
│   └── BadPageToken      drop the token and begin anew
└── UnexpectedAnswer      X answered, but not what was asked for
"""

# ruff: noqa: N818 - the names say what to do next; all of them are errors

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from dminbox.xapi.schema import Problem, RateLimit


class XError(Exception):
    """One failed call.

    str() names the call and the kind of failure and is fit for a log. X's own words are in `detail`, which may
    repeat what a person wrote or is called, and the whole answer in `body`: fit for a page, not for a log.
    answered_at is X's own clock; None where no answer came.
    """

    def __init__(
        self,
        message: str = "",
        *,
        status: int | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        transaction_id: str | None = None,
        endpoint: str = "",
        rate_limit: RateLimit | None = None,
        answered_at: datetime | None = None,
        problems: tuple[Problem, ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        self.headers: dict[str, str] = dict(headers or {})
        self.transaction_id = transaction_id
        self.endpoint = endpoint
        self.rate_limit = rate_limit
        self.answered_at = answered_at
        self.problems = problems

    @property
    def detail(self) -> str:
        """X's own words, or "" when it gave none."""
        said = (problem.detail or problem.title for problem in self.problems)
        return next((words for words in said if words), "")


class TryLater(XError):
    """Nothing is wrong with the request; the same one may work later."""


class RateLimited(TryLater):
    """The window is used up. reset_at is None when X did not say when it opens again."""

    reset_at: datetime | None = None


class Unavailable(TryLater):
    """X is in trouble, or nothing reached it. The call had no effect."""


class StreamEnded(TryLater):
    """The activity stream ended, cleanly or not."""


class StreamSilent(TryLater):
    """Nothing came over the activity stream for as long as a living one is never silent."""


class StreamTaken(TryLater):
    """X allows no further stream at the moment. No window is used up: X notices late that a connection is dead."""


class OutcomeUnknown(XError):
    """A send, delete or token call that may or may not have taken effect: look before doing it again."""


class TokenRefused(XError):
    """The access token is expired, revoked or wrong; X does not say which."""


class GrantRefused(XError):
    """The authorization code or refresh token is spent, late, revoked or never was one."""


class ScopesMissing(XError):
    """The token is good, but was granted without a scope this call needs."""


class NoCredit(XError):
    """The developer account has no credit left. The rate-limit headers still show a full window."""


class OperatorMustAct(XError):
    """Nothing in the product helps; `hint` tells the operator what to change."""

    hint: str = ""


class RecipientRefuses(XError):
    """The recipient's settings, a block or a missing follow forbid the message."""


class NotPermitted(XError):
    """X forbids it to us, by policy or for a time, whoever the recipient is."""


class SubscriptionCap(XError):
    """The app has as many subscriptions as X gives it."""


class NotThere(XError):
    """X has no such thing, or none that it shows us."""


class BadRequest(XError):
    """X could not make sense of our request."""


class BadPageToken(BadRequest):
    """X does not take this pagination_token (any more)."""


class UnexpectedAnswer(XError):
    """An answer that cannot be read as what was asked for; or a redirect, which is never followed."""
