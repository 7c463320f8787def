import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0016_search'),
    ]

    operations = [
        migrations.AddField(
            model_name='mediafile',
            name='placeholder',
            field=models.CharField(blank=True, help_text='A blurred picture as a data: address.', max_length=600),
        ),
        migrations.AddField(
            model_name='mediafile',
            name='thumbnail_attempts',
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='mediafile',
            name='thumbnail_widths',
            field=models.JSONField(blank=True, default=list, help_text='Of the WebP copies beside the file.'),
        ),
        migrations.AddField(
            model_name='mediafile',
            name='thumbnails_due_at',
            field=models.DateTimeField(blank=True, default=django.utils.timezone.now, help_text='Once stored; empty when all that can be made are.', null=True),
        ),
        migrations.AddIndex(
            model_name='mediafile',
            index=models.Index(condition=models.Q(('state', 'stored'), ('thumbnails_due_at__isnull', False)), fields=['thumbnails_due_at'], name='media_file_thumbnails_due'),
        ),
    ]
