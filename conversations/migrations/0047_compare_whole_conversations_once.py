"""The seam with which whole conversations were compared last: they are gone through only when it has risen."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0046_plain_words_of_the_admin")]

    operations = [
        migrations.AddField(
            "syncstate",
            "seam_id",
            models.BigIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="The seam with which whole conversations were compared last.",
            ),
        ),
    ]
