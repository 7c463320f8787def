"""A wish says itself that it waits for credit. One that waits since before the upgrade is tried again within an hour."""

from django.db import migrations, models


def waits_for_credit() -> models.BooleanField:
    return models.BooleanField(
        default=False, db_default=False, editable=False, help_text='Whether X\'s "no credit" has put it off.'
    )


class Migration(migrations.Migration):
    dependencies = [("conversations", "0059_names_to_index_by_index")]

    operations = [
        migrations.AddField("historyread", "waits_for_credit", waits_for_credit()),
        migrations.AddField("conversationlookup", "waits_for_credit", waits_for_credit()),
        migrations.AddField("unfinishedday", "waits_for_credit", waits_for_credit()),
    ]
