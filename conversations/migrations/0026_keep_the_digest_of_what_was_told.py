from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0025_index_unknown_kinds'),
    ]

    operations = [
        migrations.AddField(
            model_name='dmevent',
            name='told_digest',
            field=models.BigIntegerField(editable=False, help_text='Of the answer that told it last: the same once more needs no look at it.', null=True),
        ),
    ]
