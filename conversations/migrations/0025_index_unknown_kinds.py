from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0024_count_strangers'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='dmevent',
            index=models.Index(condition=models.Q(('event_type__in', ['MessageCreate', 'ParticipantsJoin', 'ParticipantsLeave']), _negated=True), fields=['event_type'], name='event_of_unknown_kind'),
        ),
    ]
