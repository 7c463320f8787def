"""What people fill in about themselves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts import zones
from accounts.models import User


def zone_choices() -> list[tuple[str, str]]:
    return [("", gettext("Same as my browser")), *((name, name.replace("_", " ")) for name in zones.names())]


def language_choices() -> list[tuple[str, str]]:
    """Each language by its own name, so that it is found by who reads no other."""
    return [("", gettext("Same as my browser")), *settings.LANGUAGES]


class PasswordForm(forms.Form):
    """A new person's name and password; there is no reset by mail, so the password is typed twice."""

    name = forms.CharField(
        max_length=80, label=_("Your name"), widget=forms.TextInput(attrs={"autocomplete": "name", "autofocus": True})
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        help_text=_("At least 10 characters. Not a common password, and not similar to your name or e-mail address."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    password_again = forms.CharField(
        label=_("Repeat password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, email: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known_email = email

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        password, again = cleaned.get("password"), cleaned.get("password_again")
        if password and again and password != again:
            self.add_error("password_again", gettext("The passwords do not match."))
        elif password:
            self._check(password, cleaned)
        return cleaned

    def _check(self, password: str, cleaned: dict[str, Any]) -> None:
        email = cleaned.get("email") or self.known_email
        try:
            validate_password(password, User(name=cleaned.get("name", ""), email=email))
        except forms.ValidationError as error:
            self.add_error("password", error)


class SetupForm(PasswordForm):
    """The first owner."""

    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("You sign in with it. No e-mail is sent to it."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    field_order = ("name", "email", "password", "password_again")

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email__iexact=email).exists():
            raise forms.ValidationError(gettext("This address is already in use."))
        return email


class LanguageSelect(forms.Select):
    """Says of each name which language it is in, for those who hear it."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option = super().create_option(name, value, *args, **kwargs)
        if value:
            option["attrs"]["lang"] = value
        return option


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    language = forms.ChoiceField(choices=language_choices, required=False, label=_("Language"), widget=LanguageSelect)
    time_zone = forms.ChoiceField(choices=zone_choices, required=False, label=_("Time zone"))

    class Meta:
        model = User
        fields = ("name", "language", "time_zone", "uses_key_shortcuts")
        labels = {"name": _("Your name"), "uses_key_shortcuts": _("Single-key shortcuts")}
        help_texts = {
            "uses_key_shortcuts": _(
                "Keys such as j, k, e and u work in the inbox. Turn them off if you use voice control or press keys "
                "by accident. Ctrl-K (⌘K on a Mac) always works."
            )
        }


class ZoneForm(forms.Form):
    """What a browser says its zone is."""

    time_zone = forms.CharField(max_length=64)

    def clean_time_zone(self) -> str:
        name = str(self.cleaned_data["time_zone"])
        if name not in zones.names():
            raise forms.ValidationError(gettext("Unknown time zone."))
        return name
