"""No branch of a template, and no module that words something for a page, holds a text that is in no catalogue.

Pages are drawn in tests/dminbox/test_every_text_is_marked.py; this reads what no drawing happens to reach.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType

from dminbox import catalogues
from tests import pseudo

ROOT = Path(settings.BASE_DIR)
GUIDE = ROOT / "templates" / "styleguide"
"""For those who build pages, with DEBUG alone: it speaks English."""
TEMPLATES = [path for path in sorted((ROOT / "templates").rglob("*.*")) if GUIDE not in path.parents]
LITERAL = re.compile(r"(_\()?\"([^\"]*)\"")
"""A literal of a tag or filter, and whether it asks for its translation."""
SENTENCE = re.compile(r"(?:[A-Z“][\w']*,?|{}) .*[a-z]{2}", re.DOTALL)
WORDING = [
    *(ROOT / "accounts" / f"{name}.py" for name in ("admin", "admin_site", "failures", "forms", "middleware", "views")),
    *(ROOT / "conversations" / f"{name}.py" for name in ("actions", "cards", "forms")),
    *sorted((ROOT / "conversations" / "showing").glob("*.py")),
    *(ROOT / "conversations" / "sync" / f"{name}.py" for name in ("caps", "history", "opening", "status", "trouble")),
    *(ROOT / "conversations" / "sync" / f"{name}.py" for name in ("by_id", "subscriptions", "wishes")),
    *sorted((ROOT / "conversations" / "search").glob("[!c]*.py")),  # candidates.py holds SQL
    *sorted((ROOT / "conversations" / "templatetags").glob("*.py")),
    *sorted((ROOT / "conversations" / "views").glob("*.py")),
    *(ROOT / "dminbox" / f"{name}.py" for name in ("views", "wording")),
]


def unmarked_in_template(source: str) -> list[str]:
    """What stands in it outside of translations, in its text and in the literals of its tags and filters."""
    text, literals, is_left_out = "", [], False
    for token in Lexer(source).tokenize():
        name = token.contents.split()[0] if token.contents.strip() else ""
        if token.token_type == TokenType.BLOCK and name in ("blocktranslate", "endblocktranslate"):
            is_left_out = name == "blocktranslate"
        elif token.contents in ("block main_class", "block body_class"):
            is_left_out = True
        elif name == "endblock":
            is_left_out = False
        elif token.token_type == TokenType.TEXT:
            text += "" if is_left_out else token.contents
        elif name != "translate":
            text += pseudo.OPEN + pseudo.CLOSE
            literals += [words for mark, words in LITERAL.findall(token.contents) if not mark]
    return pseudo.unmarked(text) + [words for words in literals if SENTENCE.match(words)]


def unmarked_in_module(source: str) -> list[str]:
    """Sentences that are no docstring and go to no function of gettext; values in them are {}."""
    nodes = list(ast.walk(ast.parse(source)))
    known = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.JoinedStr):
            known |= {id(each) for each in node.values}
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in catalogues.KEYWORDS:
            known |= {id(each) for each in ast.walk(node)}
    texts = [_text_of(node) for node in nodes if id(node) not in known]
    return [text for text in texts if SENTENCE.match(text)]


def _text_of(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(each) or "{}" for each in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT / "templates").as_posix())
def test_a_template_holds_no_text_that_is_in_no_catalogue(path):
    assert unmarked_in_template(path.read_text()) == []


@pytest.mark.parametrize("path", WORDING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_holds_no_sentence_that_is_in_no_catalogue(path):
    assert unmarked_in_module(path.read_text()) == []


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ('{% if a %}<p>Forgotten words</p>{% else %}<p>{% translate "Marked" %}</p>{% endif %}', ["Forgotten words"]),
        ("<p>{% blocktranslate trimmed %}All of {{ this }}{% endblocktranslate %}</p>", []),
        ('<a title="Not this">{{ name }}</a>', ["Not this"]),
        ('{{ reason|default:"No reason was given" }}', ["No reason was given"]),
        ('{{ reason|default:_("No reason was given") }}', []),
        ('<p class="soft words">{{ day|date:"DATE_FORMAT" }} · @{{ name }}</p>', []),
    ],
)
def test_what_a_template_forgot_is_found(source, left):
    assert unmarked_in_template(source) == left


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ('"""A docstring is for those who read it."""', []),
        ('words = "Nothing was found."', ["Nothing was found."]),
        ('words = f"Reading {who} has stopped"', ["Reading {} has stopped"]),
        ('words = _("Nothing was found.") % {"a b": "x"}', []),
        ('words = ngettext("%(n)s other", "%(n)s others", n)', []),
    ],
)
def test_what_a_module_forgot_is_found(source, left):
    assert unmarked_in_module(source) == left
