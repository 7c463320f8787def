"""Which members X tells that nobody here reads, by their names."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

KINDS = [
    ("answer", "answer"),
    ("event", "event"),
    ("user", "person"),
    ("post", "post"),
    ("media", "media"),
    ("poll", "poll"),
    ("chat", "encrypted conversation"),
    ("pushed", "activity"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_words_of_the_admin"),
        ("conversations", "0042_push_webhook_listed_at"),
    ]

    operations = [
        migrations.CreateModel(
            name="UnknownMember",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=KINDS, max_length=8)),
                ("name", models.CharField(max_length=300)),
                ("times_seen", models.BigIntegerField(default=0)),
                (
                    "example_id",
                    models.CharField(
                        blank=True,
                        help_text="X's id of the first object that had it.",
                        max_length=64,
                    ),
                ),
                ("first_seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "x_account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="unknown_members",
                        to="accounts.xaccount",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("x_account", "kind", "name"), name="unknown_member_once")
                ],
            },
        ),
    ]
