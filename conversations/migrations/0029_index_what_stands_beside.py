"""What is shown with a message joins what it is found by: all that is indexed is looked at once more, by the workers."""

from django.db import migrations
from django.db.models import Max


def start_over(apps, schema_editor):
    events = apps.get_model("conversations", "DmEvent").objects
    newest = events.aggregate(newest=Max("pk"))["newest"]
    if newest is None:
        return
    for state in apps.get_model("conversations", "SearchState").objects.order_by("pk"):
        state.old_below = newest + 1
        state.old_left = events.filter(conversation__x_account=state.x_account_id).count()
        state.save(update_fields=["old_below", "old_left"])


class Migration(migrations.Migration):
    dependencies = [("conversations", "0028_fill_whether_events_shared_a_post")]

    operations = [migrations.RunPython(start_over, migrations.RunPython.noop, elidable=True)]
