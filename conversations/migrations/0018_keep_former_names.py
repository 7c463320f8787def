import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0017_thumbnails'),
    ]

    operations = [
        migrations.CreateModel(
            name='XUserName',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(blank=True, max_length=200)),
                ('username', models.CharField(blank=True, max_length=50)),
                ('seen_from', models.DateTimeField(help_text='When X first showed it.')),
                ('seen_until', models.DateTimeField(help_text='When X last showed it.')),
            ],
            options={
                'ordering': ['-seen_until'],
            },
        ),
        migrations.AddField(
            model_name='xuser',
            name='named_at',
            field=models.DateTimeField(blank=True, help_text='When X first showed this name and username.', null=True),
        ),
        migrations.AddField(
            model_name='xusername',
            name='x_user',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='former_names', to='conversations.xuser'),
        ),
        migrations.AddConstraint(
            model_name='xusername',
            constraint=models.UniqueConstraint(fields=('x_user', 'seen_until'), name='x_user_name_once'),
        ),
    ]
