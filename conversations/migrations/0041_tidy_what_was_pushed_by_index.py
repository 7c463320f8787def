"""What was pushed is tidied each hour: of a year of rows, few are to be looked at."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0040_way_to_settled_ground")]

    operations = [
        migrations.AddIndex(
            "activitydelivery",
            models.Index(
                fields=["received_at"],
                name="activity_still_raw",
                condition=models.Q(("raw__isnull", False), ("state", "done")),
            ),
        ),
        migrations.AddIndex(
            "activitydelivery",
            models.Index(fields=["received_at"], name="activity_odd", condition=models.Q(("state", "odd"))),
        ),
        migrations.AddIndex("activitydelivery", models.Index(fields=["x_user_id"], name="activity_of_whom")),
    ]
