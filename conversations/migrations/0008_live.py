from django.db import migrations, models


class Migration(migrations.Migration):
    """What a person has read in one browser is found for the others."""

    dependencies = [("conversations", "0007_pace_and_caps")]

    operations = [
        migrations.AddIndex(model_name="readmark", index=models.Index(fields=["moved_at"], name="read_mark_moved_last"))
    ]
