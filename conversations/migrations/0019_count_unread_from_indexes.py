from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """Counts and the filter of unread ones read no table: what they compare stands in the indexes they walk."""

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ('conversations', '0018_keep_former_names'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='conversation',
            name='inbox_unread',
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(fields=['x_account', '-last_incoming_dm_event_id'], include=('id', 'last_dm_event_id'), name='inbox_unread'),
        ),
        migrations.AddIndex(
            model_name='readmark',
            index=models.Index(fields=['user', 'conversation'], include=('dm_event_id', 'was_moved_back'), name='read_marks_of_a_person'),
        ),
    ]
