import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('conversations', '0006_remember_what_x_pushes'),
    ]

    operations = [
        migrations.AddField(
            model_name='syncstate',
            name='are_windows_shared',
            field=models.BooleanField(blank=True, help_text='Whether X counts all DM reads in one window; learnt from its headers.', null=True),
        ),
        migrations.AddField(
            model_name='syncstate',
            name='last_news',
            field=models.PositiveIntegerField(default=0, help_text='New events of the last poll.'),
        ),
        migrations.AddField(
            model_name='syncstate',
            name='last_news_at',
            field=models.DateTimeField(blank=True, help_text='When a poll last brought something new.', null=True),
        ),
        migrations.AddField(
            model_name='syncstate',
            name='monthly_cap_usd',
            field=models.DecimalField(blank=True, decimal_places=2, help_text='Empty: no cap.', max_digits=10, null=True),
        ),
        migrations.AddField(
            model_name='syncstate',
            name='needs_people',
            field=models.BooleanField(default=False, help_text='X tells senders only when they are expanded: seen once, asked for from then on.'),
        ),
        migrations.AddField(
            model_name='syncstate',
            name='reconcile_below',
            field=models.BigIntegerField(default=0, help_text='The oldest event id that was read of it so far.'),
        ),
        migrations.AddField(
            model_name='syncstate',
            name='reconcile_token',
            field=models.CharField(blank=True, max_length=200),
        ),
        migrations.AddField(
            model_name='syncstate',
            name='reconciled_on',
            field=models.DateField(blank=True, help_text='The UTC day that was read once more whole.', null=True),
        ),
        migrations.AddField(
            model_name='syncstate',
            name='settled_at',
            field=models.DateTimeField(blank=True, help_text='When a poll last came down to events that X surely shows all of.', null=True),
        ),
        migrations.AddField(
            model_name='syncstate',
            name='watched_until',
            field=models.DateTimeField(blank=True, help_text='Somebody is looking at it.', null=True),
        ),
        migrations.AlterField(
            model_name='syncstate',
            name='state',
            field=models.CharField(choices=[('waiting', 'Waiting for the choice of how far back to read'), ('active', 'Reading'), ('paused', 'Paused at the import ceiling'), ('capped', "Paused at the month's cap"), ('rate_limited', "Waiting for X's rate window"), ('unavailable', 'X cannot be reached'), ('no_credit', 'No credit at X'), ('refused', 'X refuses')], default='waiting', max_length=12),
        ),
    ]
