"""Whether X names senders only on request is found out again each day; where it does, the next page tells."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0054_count_failures_of_wishes")]

    operations = [
        migrations.RemoveField("syncstate", "needs_people"),
        migrations.AddField(
            "syncstate",
            "needs_people_until",
            models.DateTimeField(
                "requests people until",
                null=True,
                blank=True,
                help_text="X has named senders only on request. After this, dminbox tries without once more.",
            ),
        ),
    ]
