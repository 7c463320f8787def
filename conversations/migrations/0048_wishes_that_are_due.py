"""Wishes that are due, which the sweep looks for each second among all that were ever fulfilled."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0047_compare_whole_conversations_once")]

    operations = [
        migrations.AddIndex(
            "historyread",
            models.Index(condition=models.Q(("state", "due")), fields=["due_at"], name="history_read_due"),
        ),
        migrations.AddIndex(
            "conversationlookup",
            models.Index(condition=models.Q(("state", "due")), fields=["due_at"], name="lookup_due"),
        ),
    ]
