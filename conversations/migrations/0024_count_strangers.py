from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0023_claim_requests'),
    ]

    operations = [
        migrations.AddField(
            model_name='pushstate',
            name='strangers',
            field=models.PositiveBigIntegerField(default=0, help_text='Pushed for another program with the same X app: counted and dropped.'),
        ),
    ]
