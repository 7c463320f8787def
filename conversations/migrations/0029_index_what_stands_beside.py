"""What is shown with a message joins what it is found by. 0035 has all that is indexed looked at once more, this too."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("conversations", "0028_fill_whether_events_shared_a_post")]

    operations = []
