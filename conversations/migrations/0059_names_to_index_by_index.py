"""Whose name is not searched as it is now stands in an index of its own; the table of what was split goes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0058_carry_over_indexed_names")]

    operations = [
        migrations.AddIndex(
            "xuser",
            models.Index(
                fields=["id"],
                name="x_user_to_index",
                condition=~models.Q(indexed_name=models.F("name")) | ~models.Q(indexed_username=models.F("username")),
            ),
        ),
        migrations.DeleteModel("IndexedName"),
    ]
