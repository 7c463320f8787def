"""Words are made without soft hyphens, joiners and marks of direction now: workers look at all once more."""

from collections import Counter

from django.db import migrations
from django.db.models import Count, Max

LOT = 20_000


def start_over(apps, schema_editor):
    events = apps.get_model("conversations", "DmEvent").objects
    newest = events.aggregate(newest=Max("pk"))["newest"]
    if newest is None:
        return
    counted = events_by_x_account(events, newest)
    for state in apps.get_model("conversations", "SearchState").objects.order_by("pk"):
        state.old_below, state.old_left = newest + 1, counted[state.x_account_id]
        state.save(update_fields=["old_below", "old_left"])


def events_by_x_account(events, newest):
    """Lot by lot: one count of all of them would hold a snapshot of the table for as long as it takes."""
    counted = Counter()
    for low in range(0, newest + 1, LOT):
        lot = events.filter(pk__gte=low, pk__lt=low + LOT)
        per_x_account = lot.values_list("conversation__x_account").annotate(count=Count("pk")).order_by()
        counted.update(dict(per_x_account))
    return counted


def forget_names(apps, schema_editor):
    """Upwards, a lot at a time: workers may put names back meanwhile."""
    names = apps.get_model("conversations", "IndexedName").objects
    last = -1
    while pks := list(names.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:LOT]):
        names.filter(pk__gt=last, pk__lte=pks[-1]).delete()
        last = pks[-1]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("conversations", "0034_words_of_the_admin")]

    operations = [
        migrations.RunPython(start_over, migrations.RunPython.noop, elidable=True),
        migrations.RunPython(forget_names, migrations.RunPython.noop, elidable=True),
    ]
