"""Films that are here get their light copy too, where X named one."""

import hashlib

from django.db import migrations

LIGHT_RATE = 1_000_000
LOT = 500


def light_address(raw):
    """The best MP4 of a low rate, as it is chosen for new films; None where the best of all is one."""
    variants = raw.get("variants") if isinstance(raw, dict) else None
    films = [one for one in variants or [] if isinstance(one, dict) and one.get("content_type") == "video/mp4"]
    films = [one for one in films if isinstance(one.get("url"), str)]
    rates = [one.get("bit_rate") or 0 for one in films]
    low = [rate for rate in rates if rate <= LIGHT_RATE]
    if not low or max(low) == max(rates):
        return None
    return films[rates.index(max(low))]["url"]


def want_light(apps, schema_editor):
    media = apps.get_model("conversations", "Media").objects
    files = apps.get_model("conversations", "MediaFile").objects
    last = 0
    while rows := list(media.filter(type="video", light=None, pk__gt=last).order_by("pk")[:LOT]):
        for row in rows:
            if address := light_address(row.raw):
                digest = hashlib.sha256(address.encode()).hexdigest()
                row.light, _ = files.get_or_create(source_hash=digest, defaults={"source_url": address})
                row.save(update_fields=["light"])
        last = rows[-1].pk


class Migration(migrations.Migration):
    atomic = False  # each row by itself: no lock on all films while workers fetch some of them

    dependencies = [("conversations", "0030_light_films")]

    operations = [migrations.RunPython(want_light, migrations.RunPython.noop, elidable=True)]
