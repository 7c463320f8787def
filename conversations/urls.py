"""Addresses of inbox, threads and media, of an X account's state, and of what machines call."""

from django.urls import converters, path, register_converter

from conversations.ids import LARGEST
from conversations.views import (
    activity,
    gallery,
    inbox,
    live,
    media,
    messages,
    metrics,
    offline,
    opening,
    palette,
    person,
    saved_views,
    search,
    thread,
    unread,
    webhook,
    x_accounts,
)


class IdConverter(converters.IntConverter):
    """A number that a column can hold: for any other there is no page."""

    def to_python(self, value: str) -> int:
        number = super().to_python(value)
        if number > LARGEST:
            raise ValueError
        return number


register_converter(IdConverter, "id")

urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("c/<id:pk>/", thread.thread, name="thread"),
    path("live/", live.live_stream, name="live"),
    path("live/now/", live.live_now, name="live_now"),
    path("c/<id:pk>/newer/", thread.thread_newer, name="thread_newer"),
    path("c/<id:pk>/older/", thread.thread_older, name="thread_older"),
    path("c/<id:pk>/e/<id:dm_event_id>/", thread.event, name="event"),
    path("c/<id:pk>/e/<id:dm_event_id>/more/", messages.message, name="message"),
    path("c/<id:pk>/e/<id:dm_event_id>/raw/", messages.raw, name="raw_event"),
    path("c/<id:pk>/media/", gallery.gallery, name="gallery"),
    path("c/<id:pk>/read/", thread.mark_read, name="mark_read"),
    path("c/<id:pk>/unread/", unread.mark_unread, name="mark_unread"),
    path("c/<id:pk>/history/", thread.read_history, name="read_history"),
    path("c/<id:pk>/files/<id:file_pk>/", media.media_file, name="media_file"),
    path("c/<id:pk>/files/<id:file_pk>/<id:width>/", media.thumbnail, name="thumbnail"),
    path("c/<id:pk>/files/<id:file_pk>/retry/", media.retry_file, name="retry_file"),
    path("c/<id:pk>/people/", thread.people, name="people"),
    path("c/<id:pk>/activity/", activity.activity, name="activity"),
    path("people/<id:pk>/", person.person, name="person"),
    path("views/", saved_views.save_view, name="save_view"),
    path("views/<id:pk>/drop/", saved_views.drop_view, name="drop_view"),
    path("palette/", palette.palette, name="palette"),
    path("x-webhook/", webhook.x_webhook, name="x_webhook"),
    path("offline/", offline.offline, name="offline"),
    path("metrics", metrics.metrics, name="metrics"),
    path("search/", search.search, name="search"),
    path("open/", opening.open_conversation, name="open_conversation"),
    path("open/<id:pk>/", opening.lookup, name="lookup"),
    path("x-accounts/<id:pk>/", x_accounts.x_account, name="x_account"),
    path("x-accounts/<id:pk>/start/", x_accounts.start, name="x_account_start"),
    path("x-accounts/<id:pk>/resume/", x_accounts.resume, name="x_account_resume"),
    path("x-accounts/<id:pk>/days/<id:day_pk>/", x_accounts.read_day, name="read_day"),
    path("x-accounts/<id:pk>/cap/", x_accounts.cap, name="x_account_cap"),
]
