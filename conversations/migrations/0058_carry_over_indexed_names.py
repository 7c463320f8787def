"""What was split stays so: else all names would be split once more, and all messages with posts be indexed again."""

from django.db import migrations
from django.db.models import OuterRef, Subquery

LOT = 2_000


def carry_over(apps, schema_editor):
    people = apps.get_model("conversations", "XUser").objects
    names = apps.get_model("conversations", "IndexedName").objects.order_by("pk")
    own = names.filter(pk=OuterRef("pk")).order_by()
    last = -1
    while lot := list(names.filter(pk__gt=last).values_list("pk", flat=True)[:LOT]):
        people.filter(pk__in=lot).update(
            indexed_name=Subquery(own.values("name")), indexed_username=Subquery(own.values("username"))
        )
        last = lot[-1]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("conversations", "0057_names_as_they_are_indexed")]

    operations = [migrations.RunPython(carry_over, migrations.RunPython.noop, elidable=True)]
