from django.db import migrations, models


class Migration(migrations.Migration):
    """So that a page of plain texts does not ask for posts."""

    dependencies = [
        ('conversations', '0026_keep_the_digest_of_what_was_told'),
    ]

    operations = [
        migrations.AddField(
            model_name='dmevent',
            name='has_post',
            field=models.BooleanField(db_default=False, default=False, help_text='It shared a post.'),
        ),
    ]
