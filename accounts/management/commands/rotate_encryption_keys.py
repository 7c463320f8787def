"""manage.py rotate_encryption_keys: after a new first key was put into ENCRYPTION_KEYS, and before an old one goes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import rotation


class Command(BaseCommand):
    help = "Encrypts every stored secret anew with the first of ENCRYPTION_KEYS. May be run again at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        unreadable = 0
        for count in rotation.rotate_all():
            self.stdout.write(
                f"{count.column}: {count.renewed} encrypted anew, {count.current} already current, "
                f"{len(count.unreadable)} unreadable"
            )
            for pk in count.unreadable:
                self.stderr.write(f"{count.column}: row {pk} fits none of ENCRYPTION_KEYS")
            unreadable += len(count.unreadable)
        if unreadable:
            raise CommandError("Keep every old key until all rows can be read.", returncode=1)
