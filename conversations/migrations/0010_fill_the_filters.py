from django.db import migrations
from django.db.models import Exists, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce

BATCH = 500


def fill(apps, schema_editor):
    """What sync has kept since 0009 of each page, once for all that was stored before."""
    Conversation = apps.get_model("conversations", "Conversation")
    last = 0
    while batch := list(Conversation.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        _fill_batch(apps, Conversation.objects.filter(pk__in=batch))
        last = batch[-1]


def _fill_batch(apps, conversations):
    events = apps.get_model("conversations", "DmEvent").objects.filter(conversation=OuterRef("pk"))
    ours = events.filter(event_type="MessageCreate", sender=OuterRef("x_account__x_user_id"))
    newest = ours.order_by("-dm_event_id").values("dm_event_id")[:1]
    media = apps.get_model("conversations", "EventMedia").objects.filter(event__conversation=OuterRef("pk"))
    posts = apps.get_model("conversations", "EventPost").objects.filter(event__conversation=OuterRef("pk"))
    found = conversations.annotate(
        own=Coalesce(Subquery(newest), Value(0)), with_media=Exists(media), with_post=Exists(posts)
    )
    rows = []
    for row in found.only("pk"):
        row.last_own_dm_event_id, row.has_media, row.has_post = row.own, row.with_media, row.with_post
        rows.append(row)
    conversations.model.objects.bulk_update(rows, ["last_own_dm_event_id", "has_media", "has_post"])


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('conversations', '0009_filter_the_inbox'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
