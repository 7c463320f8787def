"""Addresses of inbox, threads and media."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
