"""Every setting, read once from the environment or .env, in the order of .env.example."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from wsgiref.headers import Headers

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from kombu import Queue

from dminbox import environment as env

BASE_DIR = Path(__file__).resolve().parent.parent
if ENV_FILE := os.environ.get("ENV_FILE", str(BASE_DIR / ".env")):
    environ.Env.read_env(ENV_FILE)  # what the environment sets already wins

# --- The installation -------------------------------------------------------------------------------------------------
PORT = env.integer("PORT", 8000, low=1, high=65535)
PUBLIC_URL = env.url("PUBLIC_URL", f"http://127.0.0.1:{PORT}")
IS_HTTPS = PUBLIC_URL.startswith("https://")
SECRET_KEY = env.text(
    "SECRET_KEY", hint="`make run` writes one into .env; under compose put 50 random characters there."
)
ENCRYPTION_KEYS = env.listing("ENCRYPTION_KEYS")
DATA_ROOT = Path(env.text("DATA_DIR", str(BASE_DIR / "data")))
DATABASE_URL = env.text("DATABASE_URL", "")
DATABASE_POOL_SIZE = env.integer("DATABASE_POOL_SIZE", 8, low=1, high=1000)
DATABASE_PREPARES = env.choice("DATABASE_PREPARES", "yes", ["yes", "no"]) == "yes"
REDIS_URL = env.text("REDIS_URL", "")
IS_EMBEDDED = not DATABASE_URL and not REDIS_URL  # database and broker are files of ours under DATA_DIR
LOG_LEVEL = env.choice("LOG_LEVEL", "info", ["debug", "info", "warning", "error"]).upper()
# dminbox speaks no TLS: where people come by https, one proxy at least stands before it.
TRUSTED_PROXY_COUNT = env.integer("TRUSTED_PROXY_COUNT", 1 if IS_HTTPS else 0, high=10)
DEBUG = env.choice("DEBUG", "no", ["yes", "no"]) == "yes"
if REDIS_URL and not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    env.stop("REDIS_URL must look like redis://host:6379/0; leave it out for a broker that needs no server.")
if urlsplit(PUBLIC_URL).path:
    env.stop("PUBLIC_URL must be an address without a path: dminbox stands at the root of its host.")
if len(SECRET_KEY) < 32:
    env.stop("SECRET_KEY must have 32 random characters or more: who guesses it is signed in as anybody.")
IS_LOOPBACK = env.is_loopback(urlsplit(PUBLIC_URL).hostname or "")
if DEBUG and not IS_LOOPBACK:
    env.stop(
        "DEBUG=yes is for a PUBLIC_URL on 127.0.0.1 alone: its pages of errors show whoever meets them what is private."
    )

# --- X ----------------------------------------------------------------------------------------------------------------
X_CLIENT_ID = env.text("X_CLIENT_ID", "")
X_CLIENT_SECRET = env.text("X_CLIENT_SECRET", "")
DEMO = env.choice("DEMO", "auto", ["auto", "yes", "no"])
IS_DEMO = DEMO == "yes" or (DEMO == "auto" and not X_CLIENT_ID)
LOCAL_X_PORT = env.integer("LOCAL_X_PORT", PORT + 1 if PORT < 65535 else PORT - 1, low=1, high=65535)
LOCAL_X_URL = env.url("LOCAL_X_URL", f"http://127.0.0.1:{LOCAL_X_PORT}", https_unless_near=True)
LOCAL_X_PUBLIC_URL = env.url("LOCAL_X_PUBLIC_URL", LOCAL_X_URL)
if not IS_DEMO and not X_CLIENT_ID:
    env.stop(
        "X_CLIENT_ID is missing. Put the client id of your X app into .env (README: Connecting real X), "
        "or look at the demo first: DEMO=yes docker compose --profile demo up"
    )
if not IS_DEMO and not X_CLIENT_SECRET:
    env.stop("X_CLIENT_SECRET is missing. It stands beside the client id on the page of your X app.")
if IS_DEMO:
    X_CLIENT_ID, X_CLIENT_SECRET = "dminbox-demo", "dminbox-demo-secret"  # noqa: S105 (known to the local X alone)
    X_API_URL = LOCAL_X_URL
    X_AUTHORIZE_URL = f"{LOCAL_X_PUBLIC_URL}/i/oauth2/authorize"
    X_TOKEN_URL = f"{LOCAL_X_URL}/2/oauth2/token"
    X_REVOKE_URL = f"{LOCAL_X_URL}/2/oauth2/revoke"
    X_MEDIA_HOSTS = [urlsplit(LOCAL_X_URL).netloc]
else:
    X_API_URL = env.url("X_API_URL", "https://api.x.com", https_unless_near=True)
    X_AUTHORIZE_URL = env.url("X_AUTHORIZE_URL", "https://x.com/i/oauth2/authorize", https_unless_near=True)
    X_TOKEN_URL = env.url("X_TOKEN_URL", "https://api.x.com/2/oauth2/token", https_unless_near=True)
    X_REVOKE_URL = env.url("X_REVOKE_URL", "https://api.x.com/2/oauth2/revoke", https_unless_near=True)
    X_MEDIA_HOSTS = env.listing("X_MEDIA_HOSTS", "pbs.twimg.com,video.twimg.com,abs.twimg.com")
X_CONSUMER_KEY = env.text("X_CONSUMER_KEY", "")
X_CONSUMER_SECRET = env.text("X_CONSUMER_SECRET", "")
X_PUSH = env.choice("X_PUSH", "stream", ["stream", "webhook", "off"])
X_SUBSCRIPTION_CAP = env.integer("X_SUBSCRIPTION_CAP", 1500, high=1_000_000)
X_CALLS_HEARD_BY = "conversations.ledger.hear"
X_STATES_TOLD_BY = "conversations.changes.announce_connection"
X_WINDOW_SECONDS = env.integer("X_WINDOW_SECONDS", 900, low=1, high=86_400)
X_VOCABULARY = env.choice("X_VOCABULARY", "tweet", ["tweet", "post"])
X_CONNECT_TIMEOUT = env.integer("X_CONNECT_TIMEOUT", 5, low=1, high=60)
X_READ_TIMEOUT = env.integer("X_READ_TIMEOUT", 30, low=1, high=300)
if IS_DEMO:
    X_CONSUMER_KEY, X_CONSUMER_SECRET = "dminbox-demo-key", "dminbox-demo-consumer-secret"  # noqa: S105 (the local X's)
if bool(X_CONSUMER_KEY) != bool(X_CONSUMER_SECRET):
    env.stop("X_CONSUMER_KEY and X_CONSUMER_SECRET belong together: set both, or neither and the inbox polls.")
if X_PUSH == "webhook" and X_CONSUMER_KEY and not (IS_HTTPS or IS_DEMO):
    env.stop("X_PUSH=webhook needs a PUBLIC_URL that begins with https://: X calls no other. X_PUSH=stream needs none.")
if X_PUSH == "webhook" and X_CONSUMER_KEY and urlsplit(PUBLIC_URL).port and not IS_DEMO:
    env.stop("X_PUSH=webhook needs a PUBLIC_URL without a port: X calls the usual one of https:// alone.")
# The local X stands on http and on a loopback or container address; X itself never does.
MEDIA_ALLOW_LOCAL = IS_DEMO
X_SCOPES = ["dm.read", "dm.write", "tweet.read", "users.read", "offline.access", "media.write"]

# --- Sync, prices and media -------------------------------------------------------------------------------------------
SYNC_SETTLING_SECONDS = env.integer("SYNC_SETTLING_SECONDS", 900, high=86_400)
SYNC_POLL_SECONDS = env.integer("SYNC_POLL_SECONDS", 60, low=1, high=3600)
SYNC_POLL_SECONDS_BUSY = env.integer("SYNC_POLL_SECONDS_BUSY", 10, low=1, high=3600)
SYNC_POLL_SECONDS_WITH_PUSH = env.integer("SYNC_POLL_SECONDS_WITH_PUSH", 300, low=1, high=3600)
SYNC_LEASE_SECONDS = env.integer("SYNC_LEASE_SECONDS", 120, low=5, high=3600)
IMPORT_CEILING_USD = env.dollars("IMPORT_CEILING_USD", "20", high=1_000_000)
PRICE_DM_EVENT_USD = env.dollars("PRICE_DM_EVENT_USD", "0.010", high=100)
PRICE_USER_USD = env.dollars("PRICE_USER_USD", "0.010", high=100)
PRICE_POST_USD = env.dollars("PRICE_POST_USD", "0.005", high=100)
PRICE_CHAT_EVENT_USD = env.dollars("PRICE_CHAT_EVENT_USD", "0.010", high=100)
PUSH_LEASE_SECONDS = env.integer("PUSH_LEASE_SECONDS", 20, low=2, high=300)
PUSH_SILENCE_SECONDS = env.integer("PUSH_SILENCE_SECONDS", 60, low=2, high=600)
METRICS_TOKEN = env.text("METRICS_TOKEN", "")
MEDIA_MAX_BYTES = env.integer("MEDIA_MAX_BYTES", 512 * 1024**2, low=1024, high=100 * 1024**3)
# A refresh asks X up to twice. A lease that ran out meanwhile would let a second process spend the same refresh token.
LONGEST_REFRESH = 2 * (X_CONNECT_TIMEOUT + X_READ_TIMEOUT) + 5
TOKEN_LEASE_SECONDS = env.integer("TOKEN_LEASE_SECONDS", LONGEST_REFRESH, low=LONGEST_REFRESH, high=3600)
OFFLINE_INBOX = env.choice("OFFLINE_INBOX", "yes", ["yes", "no"]) == "yes"
SESSION_DAYS = env.integer("SESSION_DAYS", 14, low=1, high=3650)

# --- Derived: where things stand --------------------------------------------------------------------------------------
# The demo and real use never see each other's rows, files or grants.
DATA_DIR = DATA_ROOT / ("demo" if IS_DEMO else "live")
MEDIA_ROOT = DATA_DIR / "media"
BROKER_DIR = DATA_DIR / "broker"
if not ENCRYPTION_KEYS:
    env.stop("ENCRYPTION_KEYS is missing. `make run` writes one into .env; see .env.example for making one by hand.")
if DATABASE_URL and not DATABASE_URL.startswith(("postgres://", "postgresql://", "sqlite:///")):
    env.stop("DATABASE_URL must begin with postgres:// or sqlite:///; leave it out for SQLite under data/.")
for folder in (MEDIA_ROOT, BROKER_DIR / "queue", BROKER_DIR / "control"):
    try:
        DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)  # private messages: for this user's eyes alone
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        env.stop(f"DATA_DIR: {folder} cannot be made ({error.strerror}).")

SQLITE_OPTIONS: dict[str, Any] = {
    "timeout": 20,
    # Without IMMEDIATE a read that turns into a write meets "database is locked" as soon as two processes write.
    "transaction_mode": "IMMEDIATE",
    "init_command": (
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA temp_store=MEMORY; "
        "PRAGMA mmap_size=134217728; PRAGMA cache_size=-20000"
    ),
}


NO_DATABASE = (
    "DATABASE_URL is no database address; it looks like postgres://user:password@host:5432/name, "
    "with / as %2F, ? as %3F, # as %23 and @ as %40 in the password."
)


def database() -> dict[str, Any]:
    try:
        config: dict[str, Any] = environ.Env.db_url_config(DATABASE_URL or f"sqlite:///{DATA_DIR / 'db.sqlite3'}")
    except (ImproperlyConfigured, ValueError):
        env.stop(NO_DATABASE)
    # What a / or ? in a password leaves behind.
    if config["NAME"] in ("", ":memory:") or (config["HOST"] and {"@", "/"} & set(config["NAME"])):
        env.stop(NO_DATABASE)
    if config["ENGINE"].endswith("sqlite3"):
        # Tests of several processes need a file; Django's own choice would be a database in memory.
        return config | {"OPTIONS": SQLITE_OPTIONS, "TEST": {"NAME": str(DATA_DIR / "test.sqlite3")}}
    # A restarted PostgreSQL leaves dead connections in the pool; the health check replaces them.
    pool = {"min_size": 1, "max_size": DATABASE_POOL_SIZE, "timeout": 10}
    options = (config.get("OPTIONS") or {}) | {"pool": pool}  # sslmode and its like stand in the address
    # What is asked again and again is planned once for each connection: a fifth of the time of a page.
    options |= {"server_side_binding": True, "prepare_threshold": 5} if DATABASE_PREPARES else {}
    return config | {
        "ENGINE": "dminbox.postgres",
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


DATABASES = {"default": database()}
# Counts tries to sign in: in Redis for all web processes together, else in each for itself (`make run` has one). No
# page and no row is ever taken from it.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"serializer": "dminbox.json_cache.Serializer"},
        "VERSION": 2,  # what an earlier release has left there is no JSON
    }
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},  # beyond it counts are thrown away, preset from the 300th on
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Django -----------------------------------------------------------------------------------------------------------
ROOT_URLCONF = "dminbox.urls"
ASGI_APPLICATION = "dminbox.asgi.application"
AUTH_USER_MODEL = "accounts.User"
INSTALLED_APPS = [
    "accounts.apps.OwnersAdminConfig",  # django.contrib.admin, for owners alone
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.twitter_oauth2",
    "csp",
    "django_htmx",
    "servestatic",
    "accounts",
    "conversations",
]
MIDDLEWARE = [
    "dminbox.middleware.one_address",
    "dminbox.middleware.request_log",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "dminbox.middleware.compress",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",  # as the browser says; PersonMiddleware knows better
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.PersonMiddleware",
    "dminbox.middleware.no_store",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["dminbox.loaders.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dminbox.context.installation",
            ],
        },
    }
]
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}


def protect(headers: Headers, path: str, url: str) -> None:
    """Static files stand before all middlewares. A script that becomes a worker asks this server, and nobody else."""
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Content-Security-Policy"] = "default-src 'none'; connect-src 'self'"


SERVESTATIC_ADD_HEADERS_FUNCTION = protect
SERVESTATIC_ALLOW_ALL_ORIGINS = False
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("ja", "日本語"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "dminbox" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = "dminbox.formats"

# --- Safety -----------------------------------------------------------------------------------------------------------
# The Host header is checked and replaced by one_address; no address is ever made from what a client sent.
ALLOWED_HOSTS = [urlsplit(PUBLIC_URL).hostname or ""]
# No client can set this key: headers of requests are all spelled HTTP_….
SECURE_PROXY_SSL_HEADER = ("dminbox.scheme", "https")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_AGE = SESSION_DAYS * 24 * 3600
# A browser takes such a name over https alone, and for this very host: no other host of the domain can set it.
HOST_PREFIX = "__Host-" if IS_HTTPS else ""
SESSION_COOKIE_NAME = f"{HOST_PREFIX}dminbox_session"
CSRF_COOKIE_NAME = f"{HOST_PREFIX}csrftoken"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "dminbox.views.csrf_failure"
# A browser that came by https once asks by nothing else for a year: nobody on its way can lead it to http and read
# along. That binds all ports of the host, so it is not said where other programs may share it; hosts below it are not
# ours to speak for.
IS_HOST_OURS = not IS_LOOPBACK and urlsplit(PUBLIC_URL).port is None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if IS_HTTPS and IS_HOST_OURS else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],  # the blurred placeholders of pictures, which stand in the page itself
        "media-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "worker-src": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        # Forms that connect an X account end, by redirect, on X's consent page; browsers hold redirects to this too.
        "form-action": [SELF, "{0.scheme}://{0.netloc}".format(urlsplit(X_AUTHORIZE_URL))],
    }
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- Sign-in (django-allauth) -----------------------------------------------------------------------------------------
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # people come by links that a person of the installation hands out
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
SOCIALACCOUNT_STORE_TOKENS = False  # DM-capable tokens stand encrypted on XAccount; signing in keeps none
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_LOGIN_ON_GET = False
SOCIALACCOUNT_PROVIDERS = {
    "twitter_oauth2": {
        "APPS": [{"client_id": X_CLIENT_ID, "secret": X_CLIENT_SECRET}],
        "SCOPE": ["users.read", "tweet.read"],
        "OAUTH_PKCE_ENABLED": True,
    }
}

# --- Celery -----------------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL or "files://"
# Whoever queues gives up soon where the broker is away: rows are the queue, and X waits for its webhook's answer.
GIVE_UP_SOON = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"visibility_timeout": 3600, "socket_connect_timeout": 1, **GIVE_UP_SOON}
    if REDIS_URL
    else {
        "data_folder_in": str(BROKER_DIR / "queue"),
        "data_folder_out": str(BROKER_DIR / "queue"),
        "control_folder": str(BROKER_DIR / "control"),
        "polling_interval": 0.1,
    }
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Queues apart: an import or a large video never delays a message, and after an outage neither do the polls of all X
# accounts, for a worker takes from its queues in turn. `send` is for replies.
CELERY_TASK_DEFAULT_QUEUE = "sync"
CELERY_TASK_QUEUES = [Queue(name) for name in ("sync", "send", "polls", "media", "bulk")]
CELERY_TASK_ROUTES = {
    "conversations.tasks.poll_account": {"queue": "polls"},
    "conversations.tasks.import_account": {"queue": "bulk"},
    "conversations.tasks.read_history": {"queue": "bulk"},
    "conversations.tasks.read_day": {"queue": "bulk"},
    "conversations.tasks.check_chats": {"queue": "bulk"},
    "conversations.tasks.tidy": {"queue": "bulk"},
    "conversations.tasks.index_old_words": {"queue": "bulk"},
    "conversations.tasks.index_names": {"queue": "bulk"},
    "conversations.tasks.fetch_media_file": {"queue": "media"},
    "conversations.tasks.make_thumbnails": {"queue": "media"},
}
CELERY_BEAT_SCHEDULER = "dminbox.celery:BeatScheduler"
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "conversations.tasks.sweep", "schedule": 1.0, "options": {"expires": 5}},
    "index_names": {"task": "conversations.tasks.index_names", "schedule": 15.0, "options": {"expires": 10}},
    "tidy": {"task": "conversations.tasks.tidy", "schedule": 3600.0, "options": {"expires": 600}},
}

# --- Logs: fields, never texts, names or tokens -----------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"fields": {"()": "dminbox.logs.formatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "fields"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # These print addresses, bodies or arguments at lower levels.
        "urllib3": {"level": "WARNING"},
        "requests_oauthlib": {"level": "WARNING"},
        "oauthlib": {"level": "WARNING"},
        "django.request": {"level": "ERROR"},
        "django.db.backends": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "kombu": {"level": "ERROR"},
        "PIL": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
    },
}
