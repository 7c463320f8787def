import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('conversations', '0005_keep_a_ledger_of_calls'),
    ]

    operations = [
        migrations.CreateModel(
            name='ActivityDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_uuid', models.CharField(help_text="X's; may be a negative number.", max_length=64, unique=True)),
                ('event_type', models.CharField(max_length=60)),
                ('x_user_id', models.BigIntegerField(blank=True, help_text='Whose subscription brought it.', null=True)),
                ('source', models.CharField(choices=[('stream', 'Stream'), ('webhook', 'Webhook')], max_length=8)),
                ('raw', models.JSONField(help_text='As X sent it; dropped with the row after some days.', null=True)),
                ('received_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('state', models.CharField(choices=[('due', 'Still to be taken up'), ('done', 'Taken up'), ('odd', 'Kept raw')], default='due', max_length=5)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('detail', models.CharField(blank=True, max_length=300)),
            ],
            options={
                'verbose_name_plural': 'activity deliveries',
            },
        ),
        migrations.CreateModel(
            name='ActivitySubscription',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event_type', models.CharField(max_length=60)),
                ('subscription_id', models.CharField(blank=True, help_text="X's; empty until X has told it.", max_length=64)),
                ('state', models.CharField(choices=[('wanted', 'Still to be made'), ('active', 'X pushes'), ('refused', 'X refuses'), ('over_cap', "Beyond X's number of subscriptions")], default='wanted', max_length=8)),
                ('detail', models.CharField(blank=True, max_length=300)),
                ('due_at', models.DateTimeField(default=django.utils.timezone.now, help_text='When it is tried next.')),
                ('checked_at', models.DateTimeField(blank=True, help_text='When X last listed it.', null=True)),
            ],
        ),
        migrations.CreateModel(
            name='PushState',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('holder', models.CharField(blank=True, max_length=64)),
                ('lease_until', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(choices=[('off', 'Not set up'), ('connecting', 'Connecting'), ('connected', 'Connected'), ('waiting', 'Waiting to connect again'), ('no_credit', 'No credit at X'), ('refused', 'X refuses')], default='off', max_length=10)),
                ('state_since', models.DateTimeField(default=django.utils.timezone.now)),
                ('detail', models.CharField(blank=True, max_length=500)),
                ('failures', models.PositiveIntegerField(default=0, help_text='In a row; steers the back-off.')),
                ('next_try_at', models.DateTimeField(blank=True, null=True)),
                ('connected_at', models.DateTimeField(blank=True, null=True)),
                ('last_line_at', models.DateTimeField(blank=True, help_text='Keep-alives count.', null=True)),
                ('last_activity_at', models.DateTimeField(blank=True, null=True)),
                ('activities', models.PositiveBigIntegerField(default=0)),
                ('duplicates', models.PositiveBigIntegerField(default=0)),
                ('odd_lines', models.PositiveBigIntegerField(default=0)),
                ('subscriptions_checked_at', models.DateTimeField(blank=True, null=True)),
                ('subscription_cap', models.PositiveIntegerField(blank=True, help_text="As X's refusal taught it.", null=True)),
                ('webhook_id', models.CharField(blank=True, max_length=64)),
                ('webhook_is_valid', models.BooleanField(default=False)),
                ('webhook_last_crc_at', models.DateTimeField(blank=True, null=True)),
                ('webhook_unsigned', models.PositiveBigIntegerField(default=0)),
                ('webhook_replayed', models.PositiveBigIntegerField(default=0)),
                ('webhook_oversized', models.PositiveBigIntegerField(default=0)),
                ('webhook_odd', models.PositiveBigIntegerField(default=0)),
                ('webhook_bad_crc', models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name='conversation',
            name='encrypted_at',
            field=models.DateTimeField(blank=True, help_text='First sign that it goes on as encrypted X Chat, which X gives to no app.', null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='last_encrypted_at',
            field=models.DateTimeField(blank=True, help_text='Newest sign of that.', null=True),
        ),
        migrations.AddField(
            model_name='conversation',
            name='last_encrypted_id',
            field=models.BigIntegerField(default=0, help_text='The same as an event id of that time would be.'),
        ),
        migrations.AddField(
            model_name='participant',
            name='seen_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='participant',
            name='seen_dm_event_id',
            field=models.BigIntegerField(blank=True, help_text='Newest event they have read, by push.', null=True),
        ),
        migrations.AddField(
            model_name='participant',
            name='typing_until',
            field=models.DateTimeField(blank=True, help_text='By push; until then they are typing.', null=True),
        ),
        migrations.AddField(
            model_name='syncstate',
            name='chats_checked_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name='activitydelivery',
            index=models.Index(condition=models.Q(('state', 'due')), fields=['due_at'], name='activity_due'),
        ),
        migrations.AddIndex(
            model_name='activitydelivery',
            index=models.Index(fields=['received_at'], name='activity_oldest_first'),
        ),
        migrations.AddField(
            model_name='activitysubscription',
            name='x_account',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='activity_subscriptions', to='accounts.xaccount'),
        ),
        migrations.AddConstraint(
            model_name='activitysubscription',
            constraint=models.UniqueConstraint(fields=('x_account', 'event_type'), name='subscription_once_per_x_account'),
        ),
        migrations.AddConstraint(
            model_name='activitysubscription',
            constraint=models.UniqueConstraint(condition=models.Q(('x_account', None)), fields=('event_type',), name='subscription_of_the_app_once'),
        ),
    ]
