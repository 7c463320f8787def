"""manage.py setup_link: a one-time link that makes the first owner."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts import actions


class Command(BaseCommand):
    help = "Prints a one-time link that makes the first owner, and ends older ones. Fails once an owner exists."

    def handle(self, *args: Any, **options: Any) -> None:
        link = actions.new_setup_link()
        if link is None:
            raise CommandError("There is an owner already. Add people with: manage.py invite EMAIL", returncode=1)
        self.stdout.write(link)
