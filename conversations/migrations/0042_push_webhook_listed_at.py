"""When X last told whether our webhook is valid: it lives by that word, not by whoever asks for the CRC."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0041_tidy_what_was_pushed_by_index")]

    operations = [
        migrations.AddField(
            "pushstate",
            "webhook_listed_at",
            models.DateTimeField(editable=False, help_text="When X last told whether it is valid.", null=True),
        ),
    ]
