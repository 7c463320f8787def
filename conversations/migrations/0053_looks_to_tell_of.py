"""What looks different is told of also where its worker dies before it has told everybody."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0052_wishes_for_unfinished_days")]

    operations = [
        migrations.CreateModel(
            "UntoldLook",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("files", models.JSONField(default=list)),
                ("posts", models.JSONField(default=list)),
                ("due_at", models.DateTimeField(help_text="Whoever made the change has told it by then, or died.")),
            ],
        ),
    ]
