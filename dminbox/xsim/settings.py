"""What can be set on a running local X, with the values of X's own documentation."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any

SCOPES = {
    "tweet.read": "See posts that you can see, also from protected accounts",
    "users.read": "See accounts that you can see, also protected ones",
    "dm.read": "See your Direct Messages",
    "dm.write": "Send and delete Direct Messages for you",
    "media.write": "Upload photos and videos for you",
    "offline.access": "Stay connected until you revoke it",
}


CHOICES = {
    "default_vocabulary": ("tweet", "post"),
    "subscription_answer": ("nested", "flat", "list", "empty"),
    "webhook_answer": ("newer", "older"),
}


@dataclass
class App:
    """One registered client. `redirect_uris` None: any address on loopback."""

    client_id: str
    secret: str
    name: str
    redirect_uris: list[str] | None = None
    is_public: bool = False
    """True: a native app, which has no secret and names itself in the body."""


def demo_app() -> App:
    return App("dminbox-demo", "dminbox-demo-secret", "dminbox demo")


@dataclass
class Settings:
    dm_get_limit: int = 15
    """Per user and DM GET endpoint in a window; or for all of them together when dm_get_shared."""
    dm_get_shared: bool = False
    limits: dict[str, int] = field(default_factory=dict)
    """Window limits by endpoint name (see app.py), over the documented ones."""
    day_limits: dict[str, list[int]] = field(default_factory=dict)
    """[per user, per app] in 24 hours by endpoint name, over the documented ones."""
    window_seconds: float = 900.0
    code_seconds: float = 30.0
    token_seconds: float = 7200.0
    refresh_ends_access: bool = False
    """True: a refresh ends the access token that went before it."""
    lag_calls: int = 0
    """/2/dm_events shows what was sent only after this many further calls of a reader."""
    lenient: bool = True
    """False: unknown parameters and values are 400, as on the server of 2022 to 2025."""
    history_days: float = 30.0
    """How far back /2/dm_events goes."""
    conversation_history_days: float | None = None
    """How far back one conversation goes; None: all of it."""
    credit_usd: float | None = None
    """What may still be spent from the moment this is set; then 402."""
    include_unresolved: bool = False
    """True: includes hold the users, too, whom X does not resolve there (not the suspended ones)."""
    default_vocabulary: str = "tweet"
    """tweet or post: how a request is answered whose words belong to both."""
    people_by_expansion_only: bool = False
    """True: the post vocabulary gives sender_id, participant_ids, referenced_posts and author_id by expansion alone."""
    empty_pages: int = 0
    """That many empty pages with a token follow on every page."""
    escape_text: bool = True
    """Texts sent here come back with &amp;, &lt; and &gt;."""
    consumer_key: str = "dminbox-demo-key"
    """With the next one what an app proves itself with to get its bearer; the secret signs webhooks, too."""
    consumer_secret: str = "dminbox-demo-consumer-secret"  # noqa: S105  of the local X alone
    app_id: str = "29000001"
    """The app's number, as a revocation names it."""
    keep_alive_seconds: float = 20.0
    """Of real time without an event, until a stream gets an empty line."""
    stream_connections: int = 2
    """So many streams may be open at a time."""
    subscription_cap: int = 1500
    subscription_answer: str = "nested"
    """How a new subscription is answered: nested, flat, list or empty, all of them seen or documented."""
    push_duplicates: float = 0.0
    """Share of the events that are pushed twice, from 0 to 1."""
    push_shuffle: int = 0
    """So many events that follow each other closely may change places; 0: pushed in the order they happen."""
    push_gathered_seconds: float = 0.05
    """Of real time in which events follow each other closely."""
    push_delay: float = 0.0
    """Seconds of the clock between what happens and its push."""
    webhook_retries: int = 3
    """How often a delivery is tried again that was not answered with 200."""
    webhook_retry_seconds: float = 1.0
    """Of real time before the first new try; each further one waits twice as long."""
    webhook_cap: int = 5
    webhook_answer: str = "newer"
    """newer: as the documentation and 2.167 answer about a webhook; older: as 2.166 does."""
    webhook_urls_checked: bool = False
    """True: a webhook's address must be HTTPS without a port, as X wants it."""
    apps: list[App] = field(default_factory=lambda: [demo_app()])

    def app(self, client_id: str) -> App | None:
        return next((app for app in self.apps if app.client_id == client_id), None)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def update(self, data: dict[str, Any]) -> None:
        """ValueError names the first setting that does not exist or has a wrong type."""
        presets = {setting.name: getattr(Settings(), setting.name) for setting in fields(self)}
        if unknown := data.keys() - presets.keys():
            raise ValueError(f"there is no setting {', '.join(sorted(unknown))}")
        read = {
            name: _apps(value) if name == "apps" else _checked(name, value, presets[name])
            for name, value in data.items()
        }
        for name, value in read.items():
            setattr(self, name, value)


def _apps(value: Any) -> list[App]:
    try:
        return [App(**one) for one in value]
    except TypeError as error:
        raise ValueError(f"apps: {error}") from error


def _checked(name: str, value: Any, preset: Any) -> Any:
    wanted = (int, float, type(None)) if preset is None else (int, float) if isinstance(preset, float) else type(preset)
    is_number_for_flag = isinstance(value, bool) and not isinstance(preset, bool)
    if not isinstance(value, wanted) or is_number_for_flag:
        raise ValueError(f"{name} cannot be {value!r}")
    if name in CHOICES and value not in CHOICES[name]:
        raise ValueError(f"{name} is one of {', '.join(CHOICES[name])}, not {value!r}")
    return value
