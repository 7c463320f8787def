"""The way down to settled ground is gone page by page: since when is kept, how far, and that it is no gap."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0039_people_not_told_of_yet")]

    operations = [
        migrations.RenameField("syncstate", "settled_at", "settling_since"),
        migrations.AlterField(
            "syncstate",
            "settling_since",
            models.DateTimeField(
                null=True,
                editable=False,
                help_text="When a poll last set out for events that X surely shows all of: for settled ground.",
            ),
        ),
        migrations.AddField("readinterval", "oldest_id", models.BigIntegerField(null=True, editable=False)),
        migrations.AddField(
            "readinterval", "is_known", models.BooleanField(default=False, db_default=False, editable=False)
        ),
    ]
