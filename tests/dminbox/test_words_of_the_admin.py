"""The admin is read in the language of its owner: names of models, columns and fields, and the help below them."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets, help_text_for_field, label_for_field
from django.test import RequestFactory

from tests import pseudo

OURS = [model for model in admin.site._registry if model._meta.app_label in ("accounts", "conversations")]


def labels(model, request) -> list[str]:
    rows = admin.site._registry[model]
    names = {*rows.list_display, *flatten_fieldsets(rows.get_fieldsets(request, model()))}
    return [str(label_for_field(name, model, rows)) for name in sorted(names)]


def help_texts(model, request) -> list[str]:
    fields = flatten_fieldsets(admin.site._registry[model].get_fieldsets(request, model()))
    return [text for name in fields if (text := str(help_text_for_field(name, model)))]


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_every_word_is_given_to_translators(ada, model):
    request = RequestFactory().get("/admin/")
    request.user = ada
    with pseudo.brackets():
        words = [str(model._meta.verbose_name), str(model._meta.verbose_name_plural)]
        words += [str(model._meta.app_config.verbose_name), *labels(model, request), *help_texts(model, request)]
        choices = [str(label) for field in model._meta.fields for _, label in field.choices or ()]
    assert {each for each in words + choices if not each.startswith(pseudo.OPEN)} <= {"ID"}


def test_there_is_something_to_look_at():
    assert len(OURS) > 15
