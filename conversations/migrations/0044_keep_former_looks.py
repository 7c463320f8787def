"""What people said of themselves before, and the pictures they had."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0043_unknown_members")]

    operations = [
        migrations.CreateModel(
            "XUserLook",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("description", models.TextField(blank=True)),
                ("location", models.TextField(blank=True)),
                ("seen_from", models.DateTimeField(help_text="When X first showed it.")),
                ("seen_until", models.DateTimeField(help_text="When X last showed it.")),
                (
                    "avatar",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="conversations.mediafile",
                    ),
                ),
                (
                    "x_user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_looks",
                        to="conversations.xuser",
                    ),
                ),
            ],
            {"ordering": ["-seen_until"]},
        ),
        migrations.AddConstraint(
            "xuserlook", models.UniqueConstraint(fields=["x_user", "seen_until"], name="x_user_look_once")
        ),
        migrations.AddField(
            "xuser",
            "described_at",
            models.DateTimeField(
                blank=True, help_text="When X first showed this description, location and picture.", null=True
            ),
        ),
    ]
