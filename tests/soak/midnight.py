"""The end of some stories: nothing runs over a midnight UTC, and meanwhile X shows what was written the day before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from accounts.models import User, XAccount
from conversations import actions, sync
from conversations.models import SyncState, UnfinishedDay
from conversations.sync import pace, unfinished_days
from tests.factories import UserFactory
from tests.soak import judging

if TYPE_CHECKING:
    from tests.soak.story import Story

MOST_LATE = 3
MORNING = 8
LONGEST_READ = timedelta(hours=14)
"""In which a wish comes to its end, at few requests in each of X's windows."""


def is_lost(story: Story) -> None:
    """What came late is here afterwards, or the page tells of the day; and then a wish for that day brings it."""
    day, user = story.drawn.now.date(), UserFactory()
    story.tell("nothing runs over midnight")
    story.bring([_late(story) for _ in range(story.rng.randint(1, MOST_LATE))])
    morning = datetime(day.year, day.month, day.day, MORNING, tzinfo=UTC) + timedelta(days=1)
    story.pass_time(morning - story.drawn.now)
    story.come_to_rest()
    for x_account in story.x_accounts:
        judging.what_came_late_is_told_of(x_account, _shown(story, x_account), day)
    for row in UnfinishedDay.objects.order_by("pk"):
        _read(story, row, user)
    story.come_to_rest()


def _late(story: Story) -> dict[str, object]:
    """Written within the last hour, and shown hours after its last read."""
    back, wait = story.rng.uniform(1, 3600), story.rng.uniform(3600, 6 * 3600)
    return story.drawn.event(story.drawn.now - timedelta(seconds=back), back + wait)


def _shown(story: Story, x_account: XAccount) -> set[str]:
    shown = story.xsim.get(f"visible?user_id={x_account.x_user_id}").values()
    return {pk for ids in shown for pk in ids}


def _read(story: Story, row: UnfinishedDay, user: User) -> None:
    """As somebody does who presses the button, and presses it again where X had more than was expected."""
    ends = story.drawn.now + LONGEST_READ
    while row.state != UnfinishedDay.State.DONE:
        if row.state == UnfinishedDay.State.NOTED:
            state = SyncState.objects.select_related("x_account").get(x_account=row.x_account_id)
            actions.read_day(user, row, unfinished_days.price_of(row, state)[1].usd)
        sync.read_day(row.pk)
        row.refresh_from_db()
        if row.state == UnfinishedDay.State.DUE:
            story.go_on(pace.window())
        assert story.drawn.now < ends, f"the day is not read to its end: {row.detail}"
