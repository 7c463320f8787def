from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0038_marks_as_unread_by_index"),
    ]

    operations = [
        migrations.AddField(
            model_name="xuser",
            name="untold_since",
            field=models.DateTimeField(
                blank=True, help_text="Shows otherwise since then, which the change log does not tell yet.", null=True
            ),
        ),
        migrations.AddIndex(
            model_name="xuser",
            index=models.Index(
                condition=models.Q(("untold_since__isnull", False)), fields=["untold_since"], name="x_user_untold"
            ),
        ),
    ]
