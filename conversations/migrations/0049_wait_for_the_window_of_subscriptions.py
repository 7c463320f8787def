"""Until when X takes no further call about subscriptions."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0048_wishes_that_are_due")]

    operations = [
        migrations.AddField(
            "pushstate",
            "subscriptions_wait_until",
            models.DateTimeField(
                editable=False, help_text="Until then X takes no further call about them: its window is used up.", null=True
            ),
        ),
    ]
