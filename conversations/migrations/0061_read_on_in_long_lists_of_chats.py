"""A list of encrypted conversations may be longer than one turn reads of it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0060_wishes_that_wait_for_credit")]

    operations = [
        migrations.AddField(
            "syncstate",
            "chats_token",
            models.CharField(
                max_length=200, default="", db_default="", editable=False, help_text="Where their list is read on."
            ),
        ),
        migrations.AddField(
            "syncstate",
            "chats_pages",
            models.PositiveIntegerField(
                default=0, db_default=0, editable=False, help_text="Read of it so far."
            ),
        ),
    ]
