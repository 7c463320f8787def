import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('conversations', '0004_keep_a_change_log'),
    ]

    operations = [
        migrations.CreateModel(
            name='ApiCall',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('endpoint', models.CharField(help_text='Method and path template, or the kind of activity pushed.', max_length=100)),
                ('status', models.PositiveSmallIntegerField(help_text='HTTP; 0 when no answer came.')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('dm_events', models.PositiveIntegerField(default=0, help_text='Billed: what X had not billed that day.')),
                ('users', models.PositiveIntegerField(default=0)),
                ('posts', models.PositiveIntegerField(default=0)),
                ('usd', models.DecimalField(decimal_places=4, default=0, max_digits=12)),
                ('rate_limit', models.PositiveIntegerField(blank=True, null=True)),
                ('rate_remaining', models.PositiveIntegerField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name='RateWindow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('endpoint', models.CharField(max_length=100)),
                ('limit', models.PositiveIntegerField()),
                ('remaining', models.PositiveIntegerField()),
                ('reset_at', models.DateTimeField(help_text='Our clock.')),
                ('resets', models.DateTimeField(help_text="X's own word, by which windows are told apart.")),
                ('seen_at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='SpendDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(help_text="UTC, by X's clock.")),
                ('calls', models.PositiveIntegerField(default=0)),
                ('dm_events', models.PositiveIntegerField(default=0)),
                ('users', models.PositiveIntegerField(default=0)),
                ('posts', models.PositiveIntegerField(default=0)),
                ('usd', models.DecimalField(decimal_places=4, default=0, max_digits=12)),
            ],
        ),
        migrations.RemoveIndex(
            model_name='billedresource',
            name='billed_today',
        ),
        migrations.AlterField(
            model_name='billedresource',
            name='kind',
            field=models.CharField(choices=[('dm_event', 'Dm Event'), ('user', 'User'), ('post', 'Post'), ('chat', 'Chat Event')], max_length=8),
        ),
        migrations.AlterField(
            model_name='billedresource',
            name='x_account',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='billed_resources', to='accounts.xaccount'),
        ),
        migrations.AddIndex(
            model_name='billedresource',
            index=models.Index(fields=['x_account', 'day', 'kind', 'resource_id'], name='billed_today'),
        ),
        migrations.AddField(
            model_name='apicall',
            name='x_account',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='api_calls', to='accounts.xaccount'),
        ),
        migrations.AddField(
            model_name='ratewindow',
            name='x_account',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rate_windows', to='accounts.xaccount'),
        ),
        migrations.AddField(
            model_name='spendday',
            name='x_account',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='spend_days', to='accounts.xaccount'),
        ),
        migrations.AddIndex(
            model_name='apicall',
            index=models.Index(fields=['x_account', 'at'], name='api_call_by_x_account'),
        ),
        migrations.AddIndex(
            model_name='apicall',
            index=models.Index(fields=['at'], name='api_call_oldest_first'),
        ),
        migrations.AddConstraint(
            model_name='ratewindow',
            constraint=models.UniqueConstraint(fields=('x_account', 'endpoint'), name='rate_window_once_per_endpoint'),
        ),
        migrations.AddConstraint(
            model_name='spendday',
            constraint=models.UniqueConstraint(fields=('x_account', 'day'), name='spend_day_once_per_x_account'),
        ),
    ]
