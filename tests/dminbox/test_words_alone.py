"""A migration of words is quick, and leaves every model with them."""

from __future__ import annotations

from django.db import migrations, models
from django.db.migrations.state import ModelState, ProjectState

from dminbox.words_alone import WordsAlone


def test_models_that_were_made_before_are_made_anew_with_the_words_once_they_are_asked_for():
    state = ProjectState()
    state.add_model(
        ModelState("lamps", "Lamp", [("id", models.AutoField(primary_key=True)), ("watts", models.IntegerField())])
    )
    before = state.apps
    named = migrations.AlterField("lamp", "watts", models.IntegerField(verbose_name="light of it"))
    WordsAlone(state_operations=[named]).state_forwards("lamps", state)
    assert "apps" not in state.__dict__
    assert state.apps is not before
    assert state.apps.get_model("lamps", "Lamp")._meta.get_field("watts").verbose_name == "light of it"
