"""The catalogues are whole and right: nothing is missing, nothing is left over, and no translation breaks a page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from io import BytesIO

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from django.conf import settings
from django.utils import translation

from dminbox import catalogues

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
WHOLE = ["de", "ja"]
NAMED = re.compile(r"%\(\w+\)[a-z]")
BRACED = re.compile(r"\{\w*\}")
TAG = re.compile(r"<[^<>]+>")


@pytest.fixture(scope="module")
def texts():
    return {domain: found for domain, found in catalogues.texts().items() if len(found)}


def kept(language: str, domain: str) -> Catalog:
    return catalogues.read(catalogues.path_of(translation.to_locale(language), domain))


def keys(catalog: Catalog) -> set[tuple]:
    return {(message.context, message.id) for message in catalog if message.id}


def forms(message: Message) -> list[str]:
    return list(message.string) if isinstance(message.string, tuple | list) else [message.string]


def is_translated(message: Message) -> bool:
    return all(forms(message))


def test_there_is_a_folder_for_each_language_of_the_settings_and_no_other():
    assert catalogues.languages() == sorted(translation.to_locale(code) for code in LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_text_of_the_program_stands_in_the_catalogue_and_nothing_else_does(texts, language):
    for domain, found in texts.items():
        catalog = kept(language, domain)
        assert sorted(map(str, keys(found) ^ keys(catalog))) == [], "`make messages` brings them up to date"
        assert list(catalog.obsolete) == []


@pytest.mark.parametrize("language", WHOLE)
def test_each_text_is_translated(texts, language):
    for domain in texts:
        assert [message.id for message in kept(language, domain) if message.id and not is_translated(message)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_translation_is_a_guess(texts, language):
    for domain in texts:
        assert [message.id for message in kept(language, domain) if message.id and message.fuzzy] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_translation_keeps_values_tags_and_quotes(texts, language):
    for domain in texts:
        found = [(message.id, broken(message)) for message in kept(language, domain) if message.id]
        assert [each for each in found if each[1]] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_plural_lacks_a_form(texts, language):
    """Django takes a form by its number: a gap would show English."""
    for domain in texts:
        catalog = kept(language, domain)
        assert catalog.plural_forms == Catalog(catalog.locale).plural_forms
        plurals = [message for message in catalog if message.pluralizable and any(forms(message))]
        assert [message.id for message in plurals if len(forms(message)) != catalog.num_plurals] == []
        assert [message.id for message in plurals if not is_translated(message)] == []


def broken(message: Message) -> list[str]:
    """What a translation lost or brought in. A form of a plural may leave one value out: the number, said by a word."""
    if not any(forms(message)):
        return []
    if not message.pluralizable:
        return differences(message.id, message.string)
    *few, other = forms(message)
    plural = message.id[1]
    left_out = [str(form) for form in few if values(form) - values(plural) or len(values(plural) - values(form)) > 1]
    return [*left_out, *differences(plural, other), *(trouble for form in few for trouble in shape(plural, form))]


def values(text: str) -> set[str]:
    return {*NAMED.findall(text), *BRACED.findall(text)}


def differences(text: str, translated: str) -> list[str]:
    found = [(kind, pattern.findall(text), pattern.findall(translated)) for kind, pattern in
             {"value": NAMED, "brace": BRACED, "percent": re.compile("%")}.items()]  # fmt: skip
    lost = [f"{kind}: {before} became {after}" for kind, before, after in found if Counter(before) != Counter(after)]
    return lost + shape(text, translated)


def shape(text: str, translated: str) -> list[str]:
    """Many texts stand in an attribute of HTML, where a straight quote would end it."""
    lost = []
    if Counter(TAG.findall(text)) != Counter(TAG.findall(translated)):
        lost.append("other tags")
    if '"' in TAG.sub("", translated) and '"' not in TAG.sub("", text):
        lost.append('a straight "')
    if "<" in TAG.sub("", translated):
        lost.append("a lone <")
    if (text[:1].isspace(), text[-1:].isspace()) != (translated[:1].isspace(), translated[-1:].isspace()):
        lost.append("spaces at an end")
    return lost


@pytest.mark.parametrize(
    ("text", "translated"),
    [
        ("of %(all)s", "von"),
        ("of %(all)s", "von %(alle)s"),
        ("{n} of {all}", "{n} von {n}"),
        ("to <b>%(name)s</b>", "an %(name)s"),
        ('<a href="%(url)s">here</a>', '<a href="%(url)s" class="x">hier</a>'),
        ("Close", 'Zu "dem"'),
        ("Close", " Zu"),
        ("all", "100 % davon"),
    ],
)
def test_what_breaks_a_page_is_seen(text, translated):
    assert broken(Message(text, translated))


def test_what_is_right_is_not_complained_of():
    assert not broken(Message('<a href="%(url)s">of %(all)s</a>', 'aus <a href="%(url)s">%(all)s</a>'))
    assert not broken(Message(("%(n)s day", "%(n)s days"), ("ein Tag", "%(n)s Tage")))
    assert broken(Message(("%(n)s day", "%(n)s days"), ("ein Tag", "Tage")))
    assert broken(Message(("%(n)s day of %(m)s", "%(n)s days of %(m)s"), ("ein Tag", "%(n)s Tage von %(m)s")))


# --- Finding, updating, compiling -------------------------------------------------------------------------------------


def found_in(tmp_path, monkeypatch, files: dict[str, str]) -> dict[str, set]:
    monkeypatch.setattr(catalogues, "ROOT", tmp_path)
    for place, content in files.items():
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return {domain: {message_id for _, message_id in keys(found)} for domain, found in catalogues.texts().items()}


def test_texts_are_found_in_templates_however_they_stand_there(tmp_path, monkeypatch):
    page = """{% load i18n %}
        {% if a %}
      <p title="{% translate "A title" %}">{{ name|default:_("nobody") }}</p>
            {% endif %}
      {% blocktranslate trimmed with at=b|date:_("j F") %}
        It's  %
        {{ at }}
      {% endblocktranslate %}
      {% translate "Open" context "verb" as opens %}
      {% blocktranslate count n=c asvar d %}{{ n }} row{% plural %}{{ n }} rows{% endblocktranslate %}
    """
    found = found_in(tmp_path, monkeypatch, {"templates/a.html": page, "templates/b.txt": '{% translate "Mail" %}'})
    sentence, plural = "It's  %% %(at)s", ("%(n)s row", "%(n)s rows")
    assert found["django"] == {"A title", "nobody", "j F", sentence, "Open", plural, "Mail"}


def test_texts_are_found_in_python_but_not_in_the_local_x(tmp_path, monkeypatch):
    monkeypatch.setattr(catalogues, "LOCAL_X", tmp_path / "dminbox" / "xsim")
    code = '_("One")\ngettext_lazy("Two")\nngettext("%(n)s a", "%(n)s as", 3)\npgettext("noun", "Post")\n'
    files = {"accounts/a.py": code, "dminbox/xsim/b.py": '_("Consent")', "static/js/c.js": 'ngettext("a", "b", n)'}
    found = found_in(tmp_path, monkeypatch, files)
    assert found == {"django": {"One", "Two", ("%(n)s a", "%(n)s as"), "Post"}, "djangojs": {("a", "b")}}


@pytest.fixture
def locale(tmp_path, monkeypatch):
    """A folder of catalogues with German alone, for a program of one template."""
    monkeypatch.setattr(catalogues, "ROOT", tmp_path)
    monkeypatch.setattr(catalogues, "LOCALE", tmp_path / "locale")
    (tmp_path / "templates").mkdir()
    (tmp_path / "locale" / "de").mkdir(parents=True)
    return tmp_path


def say(folder, *words: str) -> None:
    page = "".join(f'{{% translate "{each}" %}}' for each in words)
    (folder / "templates" / "page.html").write_text("{% load i18n %}" + page)
    catalogues.update_all()


def test_an_update_keeps_what_is_translated_and_drops_what_is_gone(locale):
    say(locale, "Red", "Green")
    po = catalogues.path_of("de", "django")
    catalog = catalogues.read(po)
    catalog.get("Red").string = "Rot"
    catalogues.write(po, catalogues.po_bytes(catalog))
    say(locale, "Red", "Greens")
    assert {message.id: message.string for message in catalogues.read(po) if message.id} == {"Red": "Rot", "Greens": ""}
    assert 'Green"' not in po.read_text()
    before = po.read_bytes()
    catalogues.update_all()
    assert po.read_bytes() == before


def test_compiling_writes_what_is_out_of_date_alone(locale):
    say(locale, "Red")
    po = catalogues.path_of("de", "django")
    mo = po.with_suffix(".mo")
    catalogues.compile_all()
    first = mo.stat()
    catalogues.compile_all()
    assert mo.stat().st_ino == first.st_ino
    os.utime(po, ns=(first.st_mtime_ns + 1, first.st_mtime_ns + 1))
    catalogues.compile_all()
    assert mo.stat().st_ino != first.st_ino
    assert sorted(path.name for path in po.parent.iterdir()) == ["django.mo", "django.po"]


def test_two_processes_can_compile_at_once():
    program = "from dminbox import catalogues; [catalogues.write(p.with_suffix('.mo'), catalogues.mo_bytes(" \
              "catalogues.read(p))) for _ in range(3) for p in catalogues.LOCALE.rglob('*.po')]"  # fmt: skip
    both = [subprocess.Popen([sys.executable, "-c", program], cwd=catalogues.ROOT) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    for po in catalogues.LOCALE.rglob("*.po"):
        assert po.with_suffix(".mo").read_bytes() == catalogues.mo_bytes(catalogues.read(po))
        assert [path.name for path in po.parent.iterdir() if path.name.startswith(".")] == []


def test_a_plural_without_all_its_forms_is_left_to_english():
    catalog = Catalog("ar")
    catalog.add(("%(n)s row", "%(n)s rows"), ("", "صف واحد", "", "", "", ""))
    assert b"row" not in catalogues.mo_bytes(catalog)


def test_a_handle_keeps_its_sign_before_the_name_where_lines_go_from_right_to_left():
    for language, shown in {"ar": "إلى \u2066@%(username)s\u2069", "de": "إلى @%(username)s"}.items():
        catalog = Catalog(language)
        catalog.add("to @%(username)s", "إلى @%(username)s")
        assert read_mo(BytesIO(catalogues.mo_bytes(catalog))).get("to @%(username)s").string == shown


def test_the_server_compiles_the_catalogues_before_it_answers(tmp_path):
    for po in catalogues.LOCALE.rglob("*.po"):
        copied = tmp_path / po.relative_to(catalogues.LOCALE)
        copied.parent.mkdir(parents=True)
        copied.write_bytes(po.read_bytes())
    program = (
        "import pathlib, sys; from dminbox import catalogues; catalogues.LOCALE = pathlib.Path(sys.argv[1]); "
        "import dminbox.asgi"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=catalogues.ROOT, check=True, timeout=120)
    assert {path.parent.parent.name for path in tmp_path.rglob("*.mo")} == set(catalogues.languages())


def test_the_image_has_the_catalogues_compiled_since_nobody_may_write_there_later():
    lines = (catalogues.ROOT / "Dockerfile").read_text().splitlines()
    assert lines.index("COPY dminbox dminbox") < lines.index("RUN python -m dminbox.catalogues")
    assert lines.index("RUN python -m dminbox.catalogues") < lines.index("USER dminbox")
    assert "**/*.mo" in (catalogues.ROOT / ".dockerignore").read_text().splitlines()
