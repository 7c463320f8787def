"""Faults on demand: what is queued here goes wrong on the next call that fits, once or as often as asked."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dminbox.xsim import problems
from dminbox.xsim.problems import RefusalError

HTML = "<html><head><title>500 Internal Server Error</title></head><body><h1>Something is broken</h1></body></html>"
REFUSALS: dict[str, Callable[[], RefusalError]] = {
    "401": problems.unauthorized,
    "402": problems.credits_depleted,
    "402-2026-02": lambda: problems.credits_depleted_2026_02("1590000000000000001"),
    "403": problems.forbidden,
    "403-client-not-enrolled": problems.client_not_enrolled,
    "403-oauth1": problems.oauth1_permissions,
    "403-unsupported-auth": problems.unsupported_authentication,
    "403-dm": problems.no_permission_to_dm,
    "403-not-permitted": problems.not_permitted,
    "404": problems.not_found,
    "429": problems.too_many_requests,
    "429-no-reset": problems.too_many_requests,
    "500-html": lambda: RefusalError(500, HTML, {"content-type": "text/html; charset=utf-8"}, counts=False),
    "503": problems.unavailable,
    "503-empty": lambda: RefusalError(503, "", counts=False),
}
OTHERS = ("slow", "cut-before", "cut-after", "partial-errors", "body")
KINDS = (*REFUSALS, *OTHERS)


@dataclass
class Fault:
    kind: str
    method: str | None = None
    path: str | None = None
    """A regular expression that is searched for in the path."""
    user_id: str | None = None
    times: int = 1
    """How often; below zero: until it is taken away."""
    skip: int = 0
    """So many fitting calls go through before."""
    seconds: float = 1.0
    """Of `slow`."""
    errors: list[dict[str, Any]] = field(default_factory=list)
    """Of `partial-errors`: they stand beside the data of the answer."""
    status: int = 200
    """Of `body`, with the next two."""
    body: Any = None
    """An object is sent as JSON, a text as it is."""
    headers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}, only {', '.join(KINDS)}")
        for name, (is_right, wanted) in RIGHT.items():
            if not is_right(getattr(self, name)):
                raise ValueError(f"{name} of a fault is {wanted}, not {getattr(self, name)!r}")
        try:
            re.compile(self.path or "")
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from error

    def fits(self, method: str, path: str, user_id: str | None) -> bool:
        return (
            self.method in (None, method)
            and (self.path is None or re.search(self.path, path) is not None)
            and self.user_id in (None, user_id)
        )

    def refusal(self) -> RefusalError | None:
        if self.kind == "body":
            return RefusalError(self.status, self.body, self.headers, counts=False)
        return REFUSALS[self.kind]() if self.kind in REFUSALS else None


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf")


def _are_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for pair in value.items() for one in pair)


RIGHT: dict[str, tuple[Callable[[Any], bool], str]] = {
    "method": (_is_text, "a text"),
    "path": (_is_text, "a text"),
    "user_id": (_is_text, "a text"),
    "times": (lambda value: _is_whole(value) and value != 0, "a whole number other than 0"),
    "skip": (lambda value: _is_whole(value) and value >= 0, "a whole number from 0 on"),
    "seconds": (_is_seconds, "a number from 0 on"),
    "errors": (
        lambda value: isinstance(value, list) and all(isinstance(one, dict) for one in value),
        "a list of objects",
    ),
    "status": (lambda value: _is_whole(value) and 200 <= value <= 599, "a status from 200 to 599"),
    "headers": (_are_headers, "an object of texts"),
}
"""Member -> what tells a right value, and what it is called."""


def take(faults: list[Fault], method: str, path: str, user_id: str | None) -> Fault | None:
    """The first that fits and has nothing to skip; it is used up by one."""
    for fault in faults:
        if not fault.fits(method, path, user_id):
            continue
        if fault.skip > 0:
            fault.skip -= 1
            continue
        fault.times -= 1
        if fault.times == 0:
            faults.remove(fault)
        return fault
    return None
