"""For migrations that change nothing but words: names and help texts, of which no table knows."""

from __future__ import annotations

from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.state import ProjectState


class WordsAlone(SeparateDatabaseAndState):
    """Its operations one after the other, and all models made anew when they are next asked for.

    Otherwise they are made anew after each, which took most of the time of a first start.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        state.__dict__.pop("apps", None)
        super().state_forwards(app_label, state)
