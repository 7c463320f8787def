"""Configuration of the conversations app."""

from django.apps import AppConfig


class ConversationsConfig(AppConfig):
    name = "conversations"
