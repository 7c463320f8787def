"""Reads settings from the environment; a bad value ends the start with one sentence that names it."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NoReturn, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")


def stop(sentence: str) -> NoReturn:
    """Ends the process with the sentence alone: a traceback would hide what to do."""
    raise SystemExit(f"dminbox cannot start: {sentence}")


def text(name: str, default: str | None = None, *, hint: str = "") -> str:
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        stop(f"{name} is missing. {hint}".strip())
    return default


def number(name: str, default: T, kind: Callable[[str], T], *, high: int, low: int = 0) -> T:
    """A number between low and high, both included. Nothing is without a high: infinity is a slip."""
    value = os.environ.get(name, "").strip()
    if not value:
        return default
    try:
        parsed = kind(value)
        is_between = low <= float(parsed) <= high  # type: ignore[arg-type]  # of nan this is false
    except (ValueError, ArithmeticError):
        stop(f"{name} must be a number, not {value!r}.")
    if not is_between:
        stop(f"{name} must be between {low} and {high}, not {value!r}.")
    return parsed


def integer(name: str, default: int, *, high: int, low: int = 0) -> int:
    return number(name, default, int, low=low, high=high)


def dollars(name: str, default: str, *, high: int) -> Decimal:
    return number(name, Decimal(default), Decimal, high=high)


def choice(name: str, default: str, allowed: Iterable[str]) -> str:
    value = os.environ.get(name, "").strip().lower() or default
    if value not in (options := list(allowed)):
        stop(f"{name} must be one of {', '.join(options)}, not {value!r}.")
    return value


def listing(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def url(name: str, default: str, *, https_unless_near: bool = False) -> str:
    """An http(s) address without a slash at its end.

    With `https_unless_near`, http:// is taken only for this machine or a bare service name of a container network.
    """
    value = text(name, default).rstrip("/")
    try:
        parts = urlsplit(value)
        _ = parts.port  # raises where the port is no number
    except ValueError:
        stop(f"{name} must be an address such as https://inbox.example.com, not {value!r}.")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or " " in value:
        stop(f"{name} must be an address such as https://inbox.example.com, not {value!r}.")
    if https_unless_near and parts.scheme == "http" and not is_near(parts.hostname):
        stop(f"{name} must begin with https://; http:// is taken for this machine only, not for {parts.hostname}.")
    return value


def is_near(host: str) -> bool:
    """Whether a host is this machine, or a service name (no dot) of the container network."""
    return is_loopback(host) or not {".", ":"} & set(host)


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
