from django.db import migrations

BATCH = 2_000


def fill(apps, schema_editor):
    """What sync keeps since 0027 of each new event, once for all that was stored before."""
    DmEvent = apps.get_model("conversations", "DmEvent")
    links = apps.get_model("conversations", "EventPost").objects.order_by("event")
    last = 0
    while batch := list(links.filter(event__gt=last).values_list("event", flat=True)[:BATCH]):
        DmEvent.objects.filter(pk__in=batch, has_post=False).update(has_post=True)
        last = batch[-1]


class Migration(migrations.Migration):

    atomic = False

    dependencies = [
        ('conversations', '0027_events_say_whether_they_shared_a_post'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
    ]
