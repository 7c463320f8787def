"""The way down to settled ground is gone page by page: from where it began is kept, and since when."""

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
        migrations.AddField(
            "syncstate",
            "settling_id",
            models.BigIntegerField(
                default=0, db_default=0, editable=False, help_text="From here down it goes, through what was read before."
            ),
        ),
    ]
