import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('conversations', '0003_remember_the_page_of_a_refill'),
    ]

    operations = [
        migrations.CreateModel(
            name='Change',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.BigIntegerField()),
                ('kind', models.CharField(choices=[('event', 'An event was stored'), ('event_updated', 'An event shows more or otherwise'), ('conversation', 'A conversation as a whole has changed'), ('receipt', 'The other side has read'), ('typing', 'Somebody is typing'), ('account', "The X account's own state has changed")], max_length=14)),
                ('data', models.JSONField(default=dict, help_text='Ids and times; never a text.')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.AddField(
            model_name='syncstate',
            name='last_change',
            field=models.BigIntegerField(default=0, help_text='Newest number of the change log.'),
        ),
        migrations.AddField(
            model_name='change',
            name='conversation',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='conversations.conversation'),
        ),
        migrations.AddField(
            model_name='change',
            name='event',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='conversations.dmevent'),
        ),
        migrations.AddField(
            model_name='change',
            name='x_account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='changes', to='accounts.xaccount'),
        ),
        migrations.AddIndex(
            model_name='change',
            index=models.Index(fields=['created_at'], name='change_oldest_first'),
        ),
        migrations.AddConstraint(
            model_name='change',
            constraint=models.UniqueConstraint(fields=('x_account', 'number'), name='change_numbered_once_per_x_account'),
        ),
        migrations.AddConstraint(
            model_name='change',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'event')), fields=('event',), name='change_names_a_stored_event_once'),
        ),
    ]
