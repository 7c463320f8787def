import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_key_shortcuts'),
        ('conversations', '0022_one_index_for_a_thread'),
    ]

    operations = [
        migrations.CreateModel(
            name='RequestClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('endpoint', models.CharField(max_length=100)),
                ('until', models.DateTimeField()),
                ('x_account', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='request_claims', to='accounts.xaccount')),
            ],
        ),
    ]
