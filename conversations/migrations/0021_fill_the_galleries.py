from django.db import migrations

BATCH = 2_000


def fill(apps, schema_editor):
    """What sync keeps since 0020 of each new event, once for all that was stored before."""
    DmEvent = apps.get_model("conversations", "DmEvent")
    links = apps.get_model("conversations", "EventMedia").objects.order_by("event")
    last = 0
    while batch := list(links.filter(event__gt=last).values_list("event", flat=True)[:BATCH]):
        DmEvent.objects.filter(pk__in=batch, has_media=False).update(has_media=True)
        last = batch[-1]


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('conversations', '0020_galleries_from_an_index'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
