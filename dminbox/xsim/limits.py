"""Rate-limit windows: per user and endpoint, per app for the push, and for writes per user and app in 24 hours."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dminbox.xsim.settings import Settings

DAY = timedelta(hours=24)
DM_GETS = ("dm_events", "dm_event", "dm_conversation_events", "dm_events_with")
WINDOW_LIMITS = {
    "dm_send": 15,
    "dm_send_with": 15,
    "dm_create": 15,
    "dm_delete": 300,
    "dm_media": 300,
    "users_me": 75,
    "users": 900,
    "user_by_username": 900,
    "tweets": 900,
    "chat_conversations": 15,
}
"""In a window per user, as X documents them; those of dm_media and chat_conversations are ours, X documents none."""
APP_LIMITS = {
    "activity_stream": 450,
    "activity_subscriptions": 500,
    "activity_subscribe": 500,
    "activity_update": 500,
    "activity_delete": 500,
    "activity_delete_many": 500,
    "webhooks": 450,
    "webhook_create": 450,
    "webhook_check": 450,
    "webhook_delete": 450,
    "webhook_replay": 100,
}
"""In a window for the app, whoever calls."""
DAY_LIMITS = {
    "dm_send": (1440, 1440),
    "dm_send_with": (1440, 1440),
    "dm_create": (1440, 1440),
    "dm_delete": (1500, 4000),
}
"""Per user and per app in 24 hours."""


@dataclass
class Window:
    limit: int
    ends_at: datetime
    used: int = 0

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def headers(self, prefix: str) -> dict[str, str]:
        return {
            f"{prefix}-limit": str(self.limit),
            f"{prefix}-remaining": str(self.remaining),
            f"{prefix}-reset": str(int(self.ends_at.timestamp())),
        }


@dataclass
class Limits:
    settings: Settings
    windows: dict[str, Window] = field(default_factory=dict)
    """By whose it is and what for."""

    def of(self, endpoint: str, user_id: str, client_id: str, now: datetime) -> dict[str, Window]:
        """The windows a call falls under, by prefix of their headers."""
        shared = self.settings.dm_get_shared and endpoint in DM_GETS
        window = timedelta(seconds=self.settings.window_seconds)
        name = "dm_gets" if shared else endpoint
        whose = "app" if endpoint in APP_LIMITS else user_id
        found = {"x-rate-limit": self._window(f"{whose} {name}", self._limit(endpoint), window, now)}
        if day := self.settings.day_limits.get(endpoint) or DAY_LIMITS.get(endpoint):
            per_user, per_app = day
            found["x-user-limit-24hour"] = self._window(f"day {user_id} {endpoint}", per_user, DAY, now)
            found["x-app-limit-24hour"] = self._window(f"day app {client_id} {endpoint}", per_app, DAY, now)
        return found

    def reset(self) -> None:
        self.windows.clear()

    def _limit(self, endpoint: str) -> int:
        documented = self.settings.dm_get_limit if endpoint in DM_GETS else (WINDOW_LIMITS | APP_LIMITS)[endpoint]
        return self.settings.limits.get(endpoint, documented)

    def _window(self, whose: str, limit: int, length: timedelta, now: datetime) -> Window:
        window = self.windows.get(whose)
        if window is None or window.ends_at <= now or window.ends_at > now + length:
            window = self.windows[whose] = Window(limit, now + length)
        window.limit = limit
        return window


def headers(windows: dict[str, Window]) -> dict[str, str]:
    return {name: value for prefix, window in windows.items() for name, value in window.headers(prefix).items()}
