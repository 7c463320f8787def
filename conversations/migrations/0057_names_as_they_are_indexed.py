"""Each person's row says under which names it is found, so that an index can tell whom to look at."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0056_what_is_in_quarantine")]

    operations = [
        migrations.AlterField(  # whose name from the other side is about to be a column's
            "indexedname",
            "x_user",
            models.OneToOneField(
                on_delete=models.CASCADE, primary_key=True, related_name="+", serialize=False, to="conversations.xuser"
            ),
        ),
        migrations.AddField(
            "xuser",
            "indexed_username",
            models.CharField(
                max_length=50,
                default="",
                db_default="",
                editable=False,
                help_text="As the search was last told of it.",
            ),
        ),
        migrations.AddField(
            "xuser", "indexed_name", models.CharField(max_length=200, default="", db_default="", editable=False)
        ),
    ]
