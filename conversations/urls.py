"""Addresses of inbox, threads and media, of an X account's state, and of what machines call."""

from django.urls import path

from conversations.views import inbox, live, media, metrics, opening, thread, webhook, x_accounts

urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("c/<int:pk>/", thread.thread, name="thread"),
    path("live/", live.live_stream, name="live"),
    path("c/<int:pk>/newer/", thread.thread_newer, name="thread_newer"),
    path("c/<int:pk>/older/", thread.thread_older, name="thread_older"),
    path("c/<int:pk>/e/<int:dm_event_id>/", thread.event, name="event"),
    path("c/<int:pk>/read/", thread.mark_read, name="mark_read"),
    path("c/<int:pk>/history/", thread.read_history, name="read_history"),
    path("c/<int:pk>/files/<int:file_pk>/", media.media_file, name="media_file"),
    path("c/<int:pk>/files/<int:file_pk>/retry/", media.retry_file, name="retry_file"),
    path("x-webhook/", webhook.x_webhook, name="x_webhook"),
    path("metrics", metrics.metrics, name="metrics"),
    path("open/", opening.open_conversation, name="open_conversation"),
    path("open/<int:pk>/", opening.lookup, name="lookup"),
    path("x-accounts/<int:pk>/", x_accounts.x_account, name="x_account"),
    path("x-accounts/<int:pk>/start/", x_accounts.start, name="x_account_start"),
    path("x-accounts/<int:pk>/resume/", x_accounts.resume, name="x_account_resume"),
    path("x-accounts/<int:pk>/cap/", x_accounts.cap, name="x_account_cap"),
]
