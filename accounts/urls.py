"""Addresses of people and X accounts."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
