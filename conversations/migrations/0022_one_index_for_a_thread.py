import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Events of a conversation stand in the index of their constraint, in their order. A second one was kept up for
    each event, and could lead the database to read a whole thread and sort it.
    """

    dependencies = [
        ('conversations', '0021_fill_the_galleries'),
    ]

    operations = [
        migrations.AlterField(
            model_name='dmevent',
            name='conversation',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='events', to='conversations.conversation'),
        ),
    ]
