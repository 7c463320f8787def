"""Addresses of people and X accounts; those under accounts/ stand before allauth's, and close what is not offered."""

from django.urls import path
from django.views.generic.base import RedirectView

from accounts import views

urlpatterns = [
    path("accounts/login/", views.sign_in, name="account_login"),
    path("accounts/logout/", views.sign_out, name="account_logout"),
    path("accounts/inactive/", views.inactive, name="account_inactive"),
    path("accounts/password/change/", views.change_password, name="account_change_password"),
    path("accounts/password/set/", views.set_password, name="account_set_password"),
    path("accounts/twitter_oauth2/login/", views.sign_in_with_x, name="twitter_oauth2_login"),
    path("accounts/twitter_oauth2/login/callback/", views.sign_in_callback, name="twitter_oauth2_callback"),
    path("accounts/", RedirectView.as_view(pattern_name="profile")),
    path("accounts/<path:rest>", views.not_offered),
    path("setup/<str:token>/", views.setup, name="setup"),
    path("invitations/<str:token>/", views.invitation, name="invitation"),
    path("profile/", views.profile, name="profile"),
    path("profile/zone/", views.set_zone, name="set_zone"),
    path("profile/x/<int:pk>/unlink/", views.unlink_identity, name="unlink_identity"),
    path("x-accounts/connect/", views.connect_x_account, name="connect_x_account"),
    path("x-accounts/callback/", views.x_account_callback, name="x_account_callback"),
    path("x-accounts/<int:pk>/disconnect/", views.disconnect_x_account, name="disconnect_x_account"),
]
