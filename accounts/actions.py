"""What people do: set up, invite and join, link who they are at X, connect and end X accounts."""

from __future__ import annotations

from typing import NamedTuple

import structlog
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import timezone

from accounts import access, announcing, failures, grants
from accounts.connecting import Attempt, redirect_uri
from accounts.failures import FlowError
from accounts.models import Invitation, Membership, Role, User, XAccount
from dminbox.crypto import DecryptionError
from dminbox.wording import DISCONNECTED_BY
from dminbox.xapi.errors import XError
from dminbox.xapi.oauth import TokenPair
from dminbox.xapi.schema import Answer
from dminbox.xapi.schema import User as Profile

log = structlog.get_logger("accounts.actions")


class InvitationGoneError(Exception):
    """The link was used, has expired, was replaced, or never was one."""


class Connected(NamedTuple):
    x_account: XAccount
    is_new: bool


def has_owner() -> bool:
    return User.objects.filter(is_owner=True).exists()


def new_setup_link() -> str | None:
    """A one-time link that makes the first owner, and the only open one; None once an owner exists."""
    with transaction.atomic():
        if has_owner():
            return None
        _open_setup_links().update(expires_at=timezone.now())
        token = _new_invitation(makes_owner=True)
    return f"{settings.PUBLIC_URL}{reverse('setup', args=[token])}"


def set_up(token: str, *, name: str, email: str, password: str) -> User:
    """The first owner. Raises InvitationGoneError when one exists or the link is not open."""
    with transaction.atomic():
        # Of two links used at the same moment the second waits here, and then finds the owner.
        list(_open_setup_links().select_for_update().order_by("pk"))
        if has_owner():
            raise InvitationGoneError
        invitation = _claim(_open_setup_links(), token)
        user = User.objects.create_user(email, password, name=name, is_owner=True)
        _note_user(invitation, user)
    return user


def is_setup_open(token: str) -> bool:
    return not has_owner() and _open_setup_links().filter(token_hash=Invitation.hash(token)).exists()


def invite(email: str, *, x_account: XAccount | None = None, role: str = Role.AGENT, makes_owner: bool = False) -> str:
    """A one-time link for the person with this e-mail address, new or known."""
    token = _new_invitation(
        email=email.strip().lower(),
        x_account=x_account,
        role=role if x_account else "",
        makes_owner=makes_owner,
    )
    return f"{settings.PUBLIC_URL}{reverse('invitation', args=[token])}"


def find_invitation(token: str) -> Invitation | None:
    found = _open_invitations().filter(token_hash=Invitation.hash(token))
    return found.select_related("x_account").defer(*access.TOKENS_OF_JOINED).first()


def join_as_new(token: str, *, name: str, password: str) -> User:
    """The new person of an invitation. Raises InvitationGoneError, also when that person exists by now."""
    with transaction.atomic():
        invitation = _claim(_open_invitations(), token)
        try:
            with transaction.atomic():
                user = User.objects.create_user(invitation.email, password, name=name)
        except IntegrityError as error:
            raise InvitationGoneError from error
        _grant(invitation, user)
    return user


def join_as(token: str, user: User) -> None:
    """What an invitation gives, to the signed-in person it is for."""
    with transaction.atomic():
        invitation = _claim(_open_invitations().filter(email__iexact=user.email), token)
        _grant(invitation, user)


def can_unlink(user: User) -> bool:
    return user.has_usable_password()


def unlink_identity(user: User, pk: int) -> None:
    SocialAccount.objects.filter(user=user, pk=pk).delete()


def connect(user: User, attempt: Attempt, code: str) -> Connected:
    """Stores what X grants for a code: a new X account, or the known one in place with its history.

    Raises FlowError with the page to show.
    """
    pair = _pair_for(code, attempt)
    answer = _profile_of(pair)
    try:
        return _connect(user, attempt, pair, answer.value)
    finally:
        grants.tell(XAccount.objects.filter(x_user_id=int(answer.value.id)).first(), answer)


def _connect(user: User, attempt: Attempt, pair: TokenPair, profile: Profile) -> Connected:
    known = XAccount.objects.filter(x_user_id=int(profile.id)).first()
    if attempt.x_account_id and (known is None or known.pk != attempt.x_account_id):
        _give_back(pair, known)
        raise FlowError("other_account", f"@{profile.username}")
    if not attempt.x_account_id and known and known.state == XAccount.State.CONNECTED:
        raise FlowError("already_connected", f"@{known.username}", known)
    if not access.is_owner(user) and account_to_renew(user, attempt) is None:
        _give_back(pair, known)
        raise FlowError("state")
    return _store_grant(user, profile, pair)


def account_to_renew(user: User, attempt: Attempt) -> XAccount | None:
    """The X account an attempt is about, None for a new one or when the person may not renew it any more."""
    if attempt.x_account_id is None:
        return None
    return access.x_accounts_run_by(user).filter(pk=attempt.x_account_id).first()


def disconnect(x_account: XAccount, user: User) -> bool:
    """any -> disconnected: drops the tokens, keeps the history. False when X could not be told."""
    tokens = _take_tokens(x_account, DISCONNECTED_BY % {"person": user})
    log.info("x_account_disconnected", x_account_id=x_account.pk, user_id=user.pk)
    return tokens is not None and grants.revoke(*tokens)


def _open_invitations() -> QuerySet[Invitation]:
    return Invitation.objects.filter(used_at=None, expires_at__gt=timezone.now()).exclude(email="")


def _open_setup_links() -> QuerySet[Invitation]:
    return Invitation.objects.filter(used_at=None, expires_at__gt=timezone.now(), makes_owner=True, email="")


def _new_invitation(**fields: object) -> str:
    token = Invitation.new_token()
    expires_at = timezone.now() + Invitation.LIFETIME
    Invitation.objects.create(token_hash=Invitation.hash(token), expires_at=expires_at, **fields)
    return token


def _claim(among: QuerySet[Invitation], token: str) -> Invitation:
    """open -> used, for one caller only."""
    token_hash = Invitation.hash(token)
    if among.filter(token_hash=token_hash).update(used_at=timezone.now()) != 1:
        raise InvitationGoneError
    return Invitation.objects.get(token_hash=token_hash)


def _note_user(invitation: Invitation, user: User) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(used_by=user)


def _grant(invitation: Invitation, user: User) -> None:
    if invitation.makes_owner:
        User.objects.filter(pk=user.pk).update(is_owner=True)
    if invitation.x_account_id:
        _make_member(user, invitation.x_account_id, invitation.role)
    _note_user(invitation, user)


def _make_member(user: User, x_account_id: int, role: str) -> None:
    """At least this role; a greater one stays."""
    membership, is_new = Membership.objects.get_or_create(user=user, x_account_id=x_account_id, defaults={"role": role})
    if not is_new:
        lesser = Membership.objects.filter(pk=membership.pk).exclude(role__in=Role.at_least(role))
        lesser.update(role=role)


def _pair_for(code: str, attempt: Attempt) -> TokenPair:
    try:
        pair = grants.exchange_code(code, attempt.verifier, redirect_uri())
    except XError as error:
        log.warning("connect_failed", during="token", error=type(error).__name__, status=error.status)
        raise failures.asking_for_tokens(error) from error
    granted = pair.scopes or frozenset(settings.X_SCOPES)  # an answer without scopes grants what was asked for
    if missing := [scope for scope in settings.X_SCOPES if scope not in granted]:
        raise FlowError("scopes", ", ".join(missing))
    return pair


def _profile_of(pair: TokenPair) -> Answer[Profile]:
    try:
        return grants.profile_of(pair.access_token)
    except XError as error:
        log.warning("connect_failed", during="profile", error=type(error).__name__, status=error.status)
        raise failures.asking_for_the_profile(error) from error


def _give_back(pair: TokenPair, known: XAccount | None) -> None:
    """Ends a grant nobody uses. For an account known here X might end the stored grant with it."""
    if known is None:
        grants.revoke(pair.refresh_token or "", pair.access_token)


def _store_grant(user: User, profile: Profile, pair: TokenPair) -> Connected:
    x_user_id, values = int(profile.id), _granted(user, profile, pair)
    same = XAccount.objects.filter(x_user_id=x_user_id)
    with transaction.atomic():
        for pk in same.values_list("pk", flat=True):
            announcing.state_changes(pk)
        is_new = False
        # A refresh on its way with the older pair sees the new generation and throws its own away.
        while not is_new and not same.update(token_generation=F("token_generation") + 1, **values):
            is_new = _created(x_user_id, values)
        x_account = XAccount.objects.get(x_user_id=x_user_id)
        if access.is_owner(user):
            Membership.objects.get_or_create(user=user, x_account=x_account, defaults={"role": Role.ADMIN})
    log.info("x_account_connected", x_account_id=x_account.pk, user_id=user.pk, is_new=is_new)
    return Connected(x_account, is_new)


def _created(x_user_id: int, values: dict[str, object]) -> bool:
    """False when another request made the row at the same moment."""
    try:
        with transaction.atomic():
            XAccount.objects.create(x_user_id=x_user_id, token_generation=1, **values)
    except IntegrityError:
        return False
    return True


def _granted(user: User, profile: Profile, pair: TokenPair) -> dict[str, object]:
    now, picture = timezone.now(), profile.profile_image_url or ""
    return {
        "username": (profile.username or profile.id)[:50],
        "name": (profile.name or profile.username or profile.id)[:200],
        "profile_image_url": picture if len(picture) <= 500 else "",
        "state": XAccount.State.CONNECTED,
        "state_since": now,
        "state_detail": "",
        "access_token": pair.access_token,
        "refresh_token": pair.refresh_token or "",
        "scopes": " ".join(sorted(pair.scopes or settings.X_SCOPES)),
        "token_expires_at": pair.expires_at,
        "refresh_lease_until": None,
        "refresh_lease_holder": "",
        "refresh_in_doubt_since": None,
        "connected_at": now,
        "connected_by": user,
    }


def _take_tokens(x_account: XAccount, detail: str) -> tuple[str, str] | None:
    """Ends the connection here and returns exactly the tokens that were stored until then; None where no key fits."""
    while True:
        generation = XAccount.objects.values_list("token_generation", flat=True).get(pk=x_account.pk)
        same_pair = XAccount.objects.filter(pk=x_account.pk, token_generation=generation)
        try:
            found: list[tuple[str, str] | None] = [*same_pair.values_list("refresh_token", "access_token")]
        except DecryptionError:
            found = [None]
        with transaction.atomic():
            announcing.state_changes(x_account.pk)
            ended = same_pair.update(
                state=XAccount.State.DISCONNECTED,
                state_since=timezone.now(),
                state_detail=detail[:500],
                access_token="",
                refresh_token="",
                token_expires_at=None,
                token_generation=F("token_generation") + 1,
                refresh_lease_until=None,
                refresh_lease_holder="",
                refresh_in_doubt_since=None,
            )
            transaction.set_rollback(not ended)
        if ended and found:
            return found[0]
