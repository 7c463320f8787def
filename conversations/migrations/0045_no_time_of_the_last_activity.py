"""Nothing ever wrote it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversations", "0044_keep_former_looks")]

    operations = [migrations.RemoveField("pushstate", "last_activity_at")]
