"""Templates are read without the indentation that serves whoever edits them."""

import pytest
from django.template import engines
from django.template.loader import get_template, render_to_string

PLAIN = "Here\n  two spaces"


@pytest.fixture
def template(tmp_path, settings):
    (tmp_path / "_shown.html").write_text("<ul>\n  <li>\n\t  {{ text }}\n  </li>\n\n</ul>\n")
    engine = engines["django"].engine
    loader = engine.template_loaders[0].loaders[0]
    loader.dirs = [tmp_path]
    yield "_shown.html"
    loader.dirs = None
    engine.template_loaders[0].reset()


def test_lines_begin_where_they_are_and_stay_apart(template):
    assert render_to_string(template, {"text": "A lamp"}) == "<ul>\n<li>\nA lamp\n</li>\n\n</ul>\n"


def test_what_is_shown_keeps_its_spaces(template):
    assert PLAIN in render_to_string(template, {"text": PLAIN})


def test_templates_of_others_are_read_as_they_are():
    assert "\n  " in get_template("admin/base.html").template.source
