"""The doors: how a request gets at an X account. What is not yours does not exist (404)."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from accounts.models import TOKENS, Membership, Role, User, XAccount

Person = User | AbstractBaseUser | AnonymousUser


def signed_in(request: HttpRequest) -> User:
    """Who asks: LoginRequiredMiddleware lets nobody else at a view."""
    assert isinstance(request.user, User)
    return request.user


def is_owner(user: Person) -> bool:
    return isinstance(user, User) and user.is_active and user.is_owner


TOKENS_OF_JOINED = tuple(f"x_account__{name}" for name in TOKENS)
"""For .defer() beside .select_related("x_account"): else they are decrypted with each row."""


def x_accounts_of(user: Person, role: str = Role.VIEWER) -> QuerySet[XAccount]:
    """The X accounts a person is a member of, with at least that role. Owners read by membership too."""
    return XAccount.objects.filter(pk__in=x_account_ids_of(user, role))


def x_account_ids_of(user: Person, role: str = Role.VIEWER) -> QuerySet[Membership, Any]:
    """The same, for the condition of another query."""
    if not isinstance(user, User) or not user.is_active:
        return Membership.objects.none().values("x_account")
    return Membership.objects.filter(user=user, role__in=Role.at_least(role)).values("x_account")


def x_account_for(user: Person, pk: int) -> XAccount:
    """The X account when the person is a member of it, else Http404."""
    return get_object_or_404(x_accounts_of(user), pk=pk)


def x_accounts_run_by(user: Person) -> QuerySet[XAccount]:
    """The X accounts whose connection a person may renew or end: owners all, others where they are admin."""
    if is_owner(user):
        return XAccount.objects.all()
    return x_accounts_of(user, Role.ADMIN)


def x_account_run_by(user: Person, pk: int) -> XAccount:
    """The X account when the person may renew or end its connection, else Http404."""
    return get_object_or_404(x_accounts_run_by(user), pk=pk)


def may_connect(user: Person) -> bool:
    """Whether connecting concerns this person at all."""
    return is_owner(user) or x_accounts_of(user, Role.ADMIN).exists()


class Connection(NamedTuple):
    """A line of a person's profile: `role` is "" for owners who are no member."""

    x_account: XAccount
    role: str
    may_run: bool


def connections_of(user: User) -> list[Connection]:
    """The X accounts a person is a member of, for owners all of them."""
    roles: dict[int, str] = dict(user.memberships.values_list("x_account_id", "role"))
    shown = x_accounts_of(user) | x_accounts_run_by(user)
    return [
        Connection(x_account, str(Role(role).label) if role else "", is_owner(user) or role == Role.ADMIN)
        for x_account in shown
        for role in [roles.get(x_account.pk, "")]
    ]
