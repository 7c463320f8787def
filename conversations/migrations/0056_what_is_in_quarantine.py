"""What lies in quarantine can be read again: by what it should be, and in whose history it was."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0055_request_people_for_a_day")]

    operations = [
        migrations.AddField(
            "quarantinedevent",
            "kind",
            models.CharField(
                max_length=12,
                default="",
                db_default="",
                editable=False,
                help_text="What it should be; of older rows not known.",
            ),
        ),
        migrations.AddField(
            "quarantinedevent",
            "dm_conversation_id",
            models.CharField(
                max_length=50,
                default="",
                db_default="",
                editable=False,
                help_text="Whose history was read, where it says none.",
            ),
        ),
    ]
