from django.db import migrations


def look_again(apps, schema_editor):
    """Words are made without soft hyphens, joiners and marks of direction now: workers look at all once more."""
    apps.get_model("conversations", "SearchState").objects.all().delete()
    apps.get_model("conversations", "IndexedName").objects.all().delete()


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0034_words_of_the_admin'),
    ]

    operations = [
        migrations.RunPython(look_again, migrations.RunPython.noop),
    ]
