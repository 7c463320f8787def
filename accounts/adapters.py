"""How django-allauth behaves here: nobody signs up, and X identities open only the door they were linked to."""

from __future__ import annotations

from typing import Any

import structlog
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin, SocialToken
from allauth.socialaccount.providers.base import AuthError, AuthProcess, Provider, ProviderException
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from allauth.socialaccount.providers.twitter_oauth2.provider import TwitterOAuth2Provider
from allauth.socialaccount.providers.twitter_oauth2.views import TwitterOAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import failures, grants
from accounts.failures import FlowError
from dminbox.xapi.errors import XError

log = structlog.get_logger("accounts.sign_in")


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("profile")

    def is_safe_url(self, url: str | None) -> bool:
        """Paths of this installation alone: allauth would take other ports of the same host, too."""
        return bool(url) and str(url).startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None)


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        return False

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Provider:
        found = super().get_provider(request, provider, client_id)
        return XProvider(request, app=found.app) if found.id == XProvider.id else found

    def get_connect_redirect_url(self, request: HttpRequest, socialaccount: object) -> str:
        return reverse("profile")

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """The one place that decides what an X identity may do, before allauth makes or signs out anybody."""
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            if not request.user.is_authenticated:
                raise _shown(request, FlowError("signed_out"))
        elif not sociallogin.is_existing:
            log.info("unknown_x_identity")
            raise _shown(request, FlowError("unknown_identity"))

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: object,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        raise _shown(request, _why(error, exception, extra_context or {}))


class XSignInAdapter(TwitterOAuth2Adapter):  # type: ignore[misc]
    """allauth's adapter, with X's addresses from our settings, and our client for the two calls behind it."""

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.authorize_url = settings.X_AUTHORIZE_URL
        self.access_token_url = settings.X_TOKEN_URL
        self.profile_url = f"{settings.X_API_URL}/2/users/me"

    def get_callback_url(self, request: HttpRequest, app: object) -> str:
        return f"{settings.PUBLIC_URL}{reverse('twitter_oauth2_callback')}"

    def get_access_token_data(
        self, request: HttpRequest, app: object, client: object, pkce_code_verifier: str | None = None
    ) -> dict[str, str]:
        try:
            pair = grants.exchange_code(
                request.GET.get("code", ""), pkce_code_verifier or "", self.get_callback_url(request, app)
            )
        except XError as error:
            log.warning("sign_in_failed", during="token", error=type(error).__name__, status=error.status)
            raise ProviderException from failures.asking_for_tokens(error)
        return {"access_token": pair.access_token}

    def complete_login(self, request: HttpRequest, app: object, token: SocialToken, **kwargs: object) -> SocialLogin:
        try:
            answer = grants.profile_of(token.token)
        except XError as error:
            log.warning("sign_in_failed", during="profile", error=type(error).__name__, status=error.status)
            raise ProviderException from failures.asking_for_the_profile(error)
        grants.tell(None, answer)
        profile = answer.value
        return self.get_provider().sociallogin_from_response(
            request,
            {"id": profile.id, "username": profile.username or profile.id, "name": profile.name or ""},
        )


class XProvider(TwitterOAuth2Provider):  # type: ignore[misc]
    """allauth's provider with our adapter; a request cannot widen what is asked of X."""

    package = "allauth.socialaccount.providers.twitter_oauth2"
    oauth2_adapter_class = XSignInAdapter

    def get_scope_from_request(self, request: HttpRequest) -> list[str]:
        return list(self.get_scope())

    def get_auth_params_from_request(self, request: HttpRequest, action: str) -> dict[str, str]:
        return {}


start_sign_in = OAuth2LoginView.adapter_view(XSignInAdapter)
finish_sign_in = OAuth2CallbackView.adapter_view(XSignInAdapter)


def _why(error: str | None, exception: Exception | None, context: dict[str, Any]) -> FlowError:
    if exception is not None and isinstance(exception.__cause__, FlowError):
        return exception.__cause__
    if error == AuthError.CANCELLED:
        return FlowError("denied")
    return FlowError("state" if "state_id" in context else "no_code")


def _shown(request: HttpRequest, error: FlowError) -> ImmediateHttpResponse:
    return ImmediateHttpResponse(failures.page(request, error, is_connecting=False))
