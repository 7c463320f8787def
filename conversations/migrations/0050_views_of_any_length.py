"""In an address, one letter of many scripts takes nine characters: a view for a long name fits."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("conversations", "0049_wait_for_the_window_of_subscriptions")]

    operations = [
        migrations.AlterField(
            model_name="savedview",
            name="query",
            field=models.TextField(help_text="The filters as they stand in the address."),
        ),
    ]
