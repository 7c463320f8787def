"""A day is read once more now and then, and not only before midnight."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0050_views_of_any_length")]

    operations = [
        migrations.AddField(
            "syncstate",
            "reconcile_began_at",
            models.DateTimeField(null=True, editable=False, help_text="When it last set out to read the day."),
        ),
        migrations.AddField(
            "syncstate",
            "reconcile_is_last",
            models.BooleanField(
                default=False,
                db_default=False,
                editable=False,
                help_text="Whether it set out for the last time of that day.",
            ),
        ),
    ]
