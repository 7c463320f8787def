"""A wish that X fails again and again waits longer each time."""

from django.db import migrations, models


def failures() -> models.PositiveIntegerField:
    return models.PositiveIntegerField(
        "failures in a row", default=0, db_default=0, help_text="In a row; sets how long to wait."
    )


class Migration(migrations.Migration):
    dependencies = [("conversations", "0053_looks_to_tell_of")]

    operations = [
        migrations.AddField("historyread", "failures", failures()),
        migrations.AddField("conversationlookup", "failures", failures()),
    ]
