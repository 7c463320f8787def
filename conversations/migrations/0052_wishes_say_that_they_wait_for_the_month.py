"""A wish that the month's cap has put off says so by a value of its own, and not by its words."""

from django.db import migrations, models


def waits_for_month() -> models.BooleanField:
    words = "Whether the month's cap has put it off."
    return models.BooleanField(default=False, db_default=False, editable=False, help_text=words)


class Migration(migrations.Migration):
    dependencies = [("conversations", "0051_read_the_day_now_and_then")]

    operations = [
        migrations.AddField("historyread", "waits_for_month", waits_for_month()),
        migrations.AddField("conversationlookup", "waits_for_month", waits_for_month()),
    ]
