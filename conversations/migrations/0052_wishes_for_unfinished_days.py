"""Days that were not read again to their end, and wishes for them; a wish that the month's cap has put off says so by a
value of its own, and not by its words.
"""

import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def waits_for_month() -> models.BooleanField:
    words = "Whether the month's cap has put it off."
    return models.BooleanField(default=False, db_default=False, editable=False, help_text=words)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_plain_words_of_the_admin"),
        ("conversations", "0051_read_the_day_now_and_then"),
    ]

    operations = [
        migrations.AddField("historyread", "waits_for_month", waits_for_month()),
        migrations.AddField("conversationlookup", "waits_for_month", waits_for_month()),
        migrations.CreateModel(
            "UnfinishedDay",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField("day (UTC)")),
                (
                    "state",
                    models.CharField(
                        "state",
                        max_length=8,
                        default="noted",
                        choices=[
                            ("noted", "Not read again"),
                            ("due", "Waiting for the next page"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                    ),
                ),
                ("asked_at", models.DateTimeField("requested at", null=True, blank=True)),
                ("events_wanted", models.PositiveIntegerField("events requested", default=0)),
                ("events_read", models.PositiveIntegerField("events read", default=0)),
                ("next_token", models.CharField(max_length=200, blank=True)),
                ("detail", models.CharField("detail", max_length=300, blank=True)),
                ("waits_for_month", waits_for_month()),
                ("due_at", models.DateTimeField("due at", default=django.utils.timezone.now)),
                (
                    "failures",
                    models.PositiveIntegerField(
                        "failures in a row", default=0, db_default=0, help_text="In a row; sets how long to wait."
                    ),
                ),
                ("lease_until", models.DateTimeField("locked until", null=True, blank=True)),
                (
                    "asked_by",
                    models.ForeignKey(
                        settings.AUTH_USER_MODEL,
                        models.SET_NULL,
                        verbose_name="requested by",
                        null=True,
                        blank=True,
                        related_name="+",
                    ),
                ),
                (
                    "x_account",
                    models.ForeignKey(
                        "accounts.xaccount",
                        models.CASCADE,
                        verbose_name="X account",
                        related_name="unfinished_days",
                    ),
                ),
            ],
            options={
                "verbose_name": "day not read again",
                "verbose_name_plural": "days not read again",
                "indexes": [
                    models.Index(
                        fields=["due_at"], name="unfinished_day_due", condition=models.Q(state="due")
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=["x_account", "day"], name="unfinished_day_once")
                ],
            },
        ),
    ]
