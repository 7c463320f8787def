from django.db import migrations, models


class Migration(migrations.Migration):
    """A gallery is read from an index of the events that brought media, however many others there are."""

    dependencies = [
        ('conversations', '0019_count_unread_from_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='dmevent',
            name='has_media',
            field=models.BooleanField(db_default=False, default=False, help_text='It brought a photo, video or GIF: what a gallery is read by.'),
        ),
        migrations.AddIndex(
            model_name='dmevent',
            index=models.Index(condition=models.Q(('has_media', True)), fields=['conversation', '-dm_event_id'], name='gallery_newest_first'),
        ),
    ]
