"""A migration of words is quick, leaves every model with them, and changes names and help texts alone: what a table had
to know of would never reach it."""

from __future__ import annotations

import pytest
from django.db import connection, models
from django.db.migrations import AlterField, AlterModelOptions
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from dminbox.words_alone import WordsAlone

LOADER = MigrationLoader(None)
OF_WORDS = sorted(
    (key, operation)
    for key, migration in LOADER.disk_migrations.items()
    for operation in migration.operations
    if isinstance(operation, WordsAlone)
)


def field(state, app_label, operation):
    return state.apps.get_model(app_label, operation.model_name)._meta.get_field(operation.name)


def test_models_that_were_made_before_are_made_anew_with_the_words_once_they_are_asked_for():
    state = ProjectState()
    state.add_model(
        ModelState("lamps", "Lamp", [("id", models.AutoField(primary_key=True)), ("watts", models.IntegerField())])
    )
    before = state.apps
    named = AlterField("lamp", "watts", models.IntegerField(verbose_name="light of it"))
    WordsAlone(state_operations=[named]).state_forwards("lamps", state)
    assert "apps" not in state.__dict__
    assert state.apps is not before
    assert state.apps.get_model("lamps", "Lamp")._meta.get_field("watts").verbose_name == "light of it"


def test_there_are_some():
    assert {key[0] for key, _ in OF_WORDS} >= {"accounts", "conversations"}


@pytest.mark.parametrize(("key", "words"), OF_WORDS, ids=lambda part: part[1] if isinstance(part, tuple) else "")
def test_no_table_would_look_otherwise(key, words):
    before = LOADER.project_state(key, at_end=False)
    after = before.clone()
    words.state_forwards(key[0], after)
    assert {type(operation) for operation in words.state_operations} <= {AlterModelOptions, AlterField}
    assert not words.database_operations
    editor = connection.schema_editor()
    for operation in words.state_operations:
        if isinstance(operation, AlterField):
            old, new = (field(state, key[0], operation) for state in (before, after))
            assert not editor._field_should_be_altered(old, new), f"{operation.model_name}.{operation.name}"
