"""The database between two tests that commit."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType

from tests import factories
from tests.emptying import empty_database

pytestmark = pytest.mark.services


def test_what_follows_from_the_models_is_left_and_nothing_else(transactional_db):
    factories.MembershipFactory()
    factories.ParticipantFactory()
    empty_database()
    filled = {model for model in apps.get_models(include_auto_created=True) if model._default_manager.exists()}
    assert filled == {ContentType, Permission}
