"""Pages of people: the way in, the profile, and the connections to X."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import cast

from allauth.account import views as allauth_views
from allauth.account.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import access, actions, adapters, connecting, failures, languages
from accounts.actions import InvitationGoneError
from accounts.failures import FlowError
from accounts.forms import PasswordForm, ProfileForm, SetupForm, ZoneForm
from accounts.models import Invitation, User, XAccount
from dminbox.wording import handle

UNPROCESSABLE = 422
get_or_post = require_http_methods(["GET", "HEAD", "POST"])
AllauthView = Callable[[HttpRequest], HttpResponseBase]


def _says_422(view: AllauthView) -> AllauthView:
    """allauth answers 200 to a form it does not take."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponseBase:
        response = view(request)
        if request.method == "POST" and isinstance(response, TemplateResponse) and response.status_code == 200:
            response.status_code = UNPROCESSABLE
        return response

    return answer


sign_in = login_not_required(_says_422(allauth_views.login))
sign_out = allauth_views.logout
change_password = _says_422(allauth_views.password_change)
set_password = _says_422(allauth_views.password_set)


@login_not_required
def inactive(request: HttpRequest) -> HttpResponse:
    return render(request, "account/account_inactive.html", status=403)


@login_not_required
def not_offered(request: HttpRequest, rest: str) -> HttpResponse:
    """allauth's other pages (signing up, mail addresses, reset by mail): their names exist, they do not."""
    raise Http404


@login_not_required
@get_or_post
def sign_in_with_x(request: HttpRequest) -> HttpResponseBase:
    """POST begins a sign-in, or with process=connect the linking of one's own X identity."""
    if request.method != "POST":
        return redirect("account_login")
    is_linking = request.POST.get("process") == "connect"
    if is_linking != request.user.is_authenticated:
        return redirect("profile" if request.user.is_authenticated else "account_login")
    return cast(HttpResponseBase, adapters.start_sign_in(request))


@login_not_required
@require_GET
def sign_in_callback(request: HttpRequest) -> HttpResponseBase:
    return cast(HttpResponseBase, adapters.finish_sign_in(request))


@login_not_required
@sensitive_post_parameters()
@get_or_post
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """The first owner; gone for ever once there is one."""
    if actions.has_owner():
        raise Http404
    if not actions.is_setup_open(token):
        return render(request, "accounts/setup_gone.html", status=404)
    form = SetupForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _form_page(request, "accounts/setup.html", {"form": form})
    try:
        user = actions.set_up(
            token,
            name=form.cleaned_data["name"],
            email=form.cleaned_data["email"],
            password=form.cleaned_data["password"],
        )
    except InvitationGoneError as error:
        raise Http404 from error
    _sign_in(request, user)
    return redirect("profile")


@login_not_required
@sensitive_post_parameters()
@get_or_post
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    found = actions.find_invitation(token)
    if found is None:
        return _invitation_gone(request)
    person = User.objects.filter(email__iexact=found.email).first()
    if request.user.is_authenticated and request.user != person:
        return render(request, "accounts/invitation_other.html", {"invitation": found}, status=403)
    if person is None:
        return _join_as_new(request, token, found)
    if not request.user.is_authenticated:
        return redirect(f"{reverse('account_login')}?{urlencode({'next': request.path})}")
    return _join(request, token, found, person)


def _join_as_new(request: HttpRequest, token: str, found: Invitation) -> HttpResponse:
    form = PasswordForm(request.POST or None, email=found.email)
    if request.method != "POST" or not form.is_valid():
        return _form_page(request, "accounts/invitation.html", {"form": form, "invitation": found})
    try:
        user = actions.join_as_new(token, name=form.cleaned_data["name"], password=form.cleaned_data["password"])
    except InvitationGoneError:
        return _invitation_gone(request)
    _sign_in(request, user)
    return redirect("/")


def _join(request: HttpRequest, token: str, found: Invitation, person: User) -> HttpResponse:
    if request.method != "POST":
        return render(request, "accounts/invitation_join.html", {"invitation": found})
    try:
        actions.join_as(token, person)
    except InvitationGoneError:
        return _invitation_gone(request)
    messages.success(request, _("You have joined."))
    return redirect("/")


def _invitation_gone(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/invitation_gone.html", status=404)


def _sign_in(request: HttpRequest, user: User) -> None:
    get_adapter(request).login(request, user)


@get_or_post
def profile(request: HttpRequest) -> HttpResponse:
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=access.signed_in(request).pk))
    if request.method == "POST" and form.is_valid():
        translation.activate(languages.spoken_by(form.save()))  # what follows is said in the language just chosen
        messages.success(request, _("Your profile was saved."))
        return redirect("profile")
    return _profile_page(request, form)


def _profile_page(request: HttpRequest, form: ProfileForm) -> HttpResponse:
    user = access.signed_in(request)
    context = {
        "form": form,
        "identities": SocialAccount.objects.filter(user=user).order_by("pk"),
        "can_unlink": actions.can_unlink(user),
        "connections": access.connections_of(user),
        "is_owner": access.is_owner(user),
    }
    return _form_page(request, "accounts/profile.html", context)


@require_POST
def set_zone(request: HttpRequest) -> HttpResponse:
    """The browser's zone, taken once: later the profile is the person's own word."""
    form = ZoneForm(request.POST)
    if not form.is_valid():
        return HttpResponse(status=UNPROCESSABLE)
    User.objects.filter(pk=access.signed_in(request).pk, time_zone="").update(time_zone=form.cleaned_data["time_zone"])
    return HttpResponse(status=204)


@require_POST
def unlink_identity(request: HttpRequest, pk: int) -> HttpResponse:
    user = access.signed_in(request)
    identity = get_object_or_404(SocialAccount, user=user, pk=pk)
    if not actions.can_unlink(user):
        messages.error(request, _("Set a password first. Without it you could no longer sign in."))
        return _profile_page(request, ProfileForm(instance=user))
    actions.unlink_identity(user, identity.pk)
    messages.success(request, _("Your X account is unlinked. You can no longer sign in with it."))
    return redirect("profile")


@require_POST
def connect_x_account(request: HttpRequest) -> HttpResponse:
    """To X's consent page: owners for any X account, others to renew the one they administer (`x_account`)."""
    x_account = _x_account_to_renew(request)
    if x_account is None and not access.is_owner(request.user):
        raise Http404
    return redirect(connecting.begin(request.session, access.signed_in(request), x_account))


def _x_account_to_renew(request: HttpRequest) -> XAccount | None:
    if not (pk := request.POST.get("x_account", "")):
        return None
    if not (pk.isascii() and pk.isdigit() and len(pk) < 19):
        raise Http404
    return access.x_account_run_by(request.user, int(pk))


@login_not_required
@require_GET
def x_account_callback(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        # Not back to this address: the code in it would stand in the sign-in page and be dead by then.
        return redirect(f"{reverse('account_login')}?{urlencode({'next': reverse('profile')})}")
    user = access.signed_in(request)
    if not access.may_connect(user):
        raise Http404
    try:
        attempt = connecting.take(request.session, request.GET.get("state", ""), user)
        connected = _finish_connecting(request, user, attempt)
    except FlowError as error:
        return failures.page(request, error, is_connecting=True)
    if connected.is_new:
        return redirect("x_account_start", connected.x_account.pk)
    messages.success(
        request, _("%(x_account)s is connected again.") % {"x_account": handle(connected.x_account.username)}
    )
    return redirect("x_account", connected.x_account.pk)


def _finish_connecting(request: HttpRequest, user: User, attempt: connecting.Attempt) -> actions.Connected:
    try:
        return actions.connect(user, attempt, _code(request))
    except FlowError as error:
        # So that trying again means the same X account again.
        error.x_account = error.x_account or actions.account_to_renew(user, attempt)
        raise


def _code(request: HttpRequest) -> str:
    if request.GET.get("error") == "access_denied":
        raise FlowError("denied")
    code = request.GET.get("code", "")
    if not code or "error" in request.GET:
        raise FlowError("no_code")
    return code


@require_POST
def disconnect_x_account(request: HttpRequest, pk: int) -> HttpResponse:
    x_account = access.x_account_run_by(request.user, pk)
    if actions.disconnect(x_account, access.signed_in(request)):
        words = _("%(x_account)s is disconnected. Messages already here are kept.")
        messages.success(request, words % {"x_account": handle(x_account.username)})
    else:
        words = _(
            "%(x_account)s is disconnected here, but X could not be notified. Revoke the access on X, too: Settings, "
            "Security and account access, Connected apps."
        )
        messages.warning(request, words % {"x_account": handle(x_account.username)})
    return redirect("profile")


def _form_page(request: HttpRequest, template: str, context: dict[str, object]) -> HttpResponse:
    """A page with its form; 422 after a form that was not taken."""
    return render(request, template, context, status=UNPROCESSABLE if request.method == "POST" else 200)
