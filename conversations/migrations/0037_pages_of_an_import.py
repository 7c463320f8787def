from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("conversations", "0036_no_credit_of_the_app"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncstate",
            name="import_pages",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False, help_text="Read of it so far."),
        ),
    ]
