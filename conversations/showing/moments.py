"""Times and spans as pages tell them: short, and by the clock of the reader. Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.utils import timezone
from django.utils.translation import ngettext

from dminbox import wording
from dminbox.wording import number


def clock(moment: datetime) -> str:
    return wording.clock(timezone.localtime(moment))


def short_time(moment: datetime) -> str:
    """14:02 today, 3 Nov this year, 3 Nov 2025 before."""
    return short_time_of(timezone.localtime(moment))


def short_time_of(local: datetime) -> str:
    """The same of a time that is in the person's zone."""
    now = timezone.now().astimezone(local.tzinfo)
    if local.date() == now.date():
        return wording.clock(local)
    return wording.day(local, "SHORT_DAY_FORMAT" if local.year == now.year else "SHORT_DATE_FORMAT")


def day_over_at() -> datetime:
    """When today ends where the person is: until then times stay as short_time_of tells them."""
    tomorrow = timezone.localdate() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), timezone.get_current_timezone())


def span_of(span: timedelta) -> str:
    """10 seconds, 5 minutes: as long as a poll waits."""
    seconds = round(span.total_seconds())
    if seconds < 120:
        return ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": number(seconds)}
    minutes = round(seconds / 60)
    return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": number(minutes)}
