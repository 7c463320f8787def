"""manage.py invite: a one-time link by which a person joins."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from accounts import actions
from accounts.models import Role, XAccount


class Command(BaseCommand):
    help = "Prints a one-time link, good for seven days, by which the person with this e-mail address joins."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--account", help="the X account to work on: its @handle or its X user id")
        parser.add_argument("--role", choices=Role.values, help="the role on that X account (preset: agent)")
        parser.add_argument("--owner", action="store_true", help="make the person an owner of the installation")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["role"] and not options["account"]:
            raise CommandError("--role needs --account: a role is always a role on one X account.")
        try:
            validate_email(options["email"])
        except ValidationError as error:
            raise CommandError(f"{options['email']!r} is no e-mail address.") from error
        link = actions.invite(
            options["email"],
            x_account=_x_account(options["account"]) if options["account"] else None,
            role=options["role"] or Role.AGENT,
            makes_owner=options["owner"],
        )
        self.stdout.write(link)


def _x_account(wanted: str) -> XAccount:
    """By handle first: a handle may consist of digits, and then means the handle."""
    rows = XAccount.objects.all()
    found = rows.filter(username__iexact=wanted.removeprefix("@")).first()
    if found is None and wanted.isascii() and wanted.isdigit() and len(wanted) < 20:
        found = rows.filter(x_user_id=wanted).first()
    if found is None:
        known = ", ".join(str(row) for row in rows) or "none"
        raise CommandError(f"No X account {wanted!r} is connected here. Known: {known}.")
    return found
