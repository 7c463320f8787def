from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0032_pictures_of_links'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='activitysubscription',
            name='checked_at',
        ),
        migrations.AddField(
            model_name='pushstate',
            name='is_ended',
            field=models.BooleanField(default=False, help_text='With X_PUSH=off: nothing of ours is left at X.'),
        ),
        migrations.AddField(
            model_name='pushstate',
            name='subscriptions_lease_until',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='pushstate',
            name='subscriptions_listed_at',
            field=models.DateTimeField(blank=True, help_text='When X last told all of them.', null=True),
        ),
    ]
