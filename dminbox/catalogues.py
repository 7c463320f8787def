"""The catalogues of translations: texts are found, .po files brought up to date and compiled, by Babel alone.

`make messages` does all of it. Compiling alone happens wherever the program starts: `compile_all` writes what is out of
date and reads nothing where nothing is. A folder under dminbox/locale is what makes a language.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation import templatize

ROOT = Path(__file__).resolve().parent.parent
LOCALE = ROOT / "dminbox" / "locale"
LOCAL_X = ROOT / "dminbox" / "xsim"  # stands for X, which speaks English to us
KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    **dict.fromkeys(("gettext", "gettext_lazy", "gettext_noop")),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
COMMENTS = ("Translators:",)
HANDLE = re.compile(r"@%\(\w+\)s")


def main() -> None:
    if sys.argv[1:] == ["update"]:
        update_all()
    compile_all()


def languages() -> list[str]:
    """As folders spell them: de, pt_BR."""
    return sorted(folder.name for folder in LOCALE.iterdir() if folder.is_dir())


def path_of(language: str, domain: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / f"{domain}.po"


# --- Finding texts ----------------------------------------------------------------------------------------------------


def texts() -> dict[str, Catalog]:
    """Every text to translate, by the domain of its catalogue. What scripts make themselves is a domain of its own."""
    server = Catalog()
    for path in python_files():
        add_texts(server, path, "python", path.read_text())
    for path in sorted(file for file in (ROOT / "templates").rglob("*.*") if file.is_file()):
        add_texts(server, path, "python", python_of(path))
    scripts = Catalog()
    for path in sorted((ROOT / "static" / "js").rglob("*.js")):
        add_texts(scripts, path, "javascript", path.read_text())
    return {"django": server, "djangojs": scripts}


def python_files() -> Iterator[Path]:
    for folder in ("accounts", "conversations", "dminbox"):
        yield from (path for path in sorted((ROOT / folder).rglob("*.py")) if LOCAL_X not in path.parents)


def python_of(template: Path) -> str:
    """A template as calls of gettext. Unindented, since what stands between them is no Python."""
    lines = templatize(template.read_text(), origin=str(template)).splitlines()
    return "\n".join(line.strip() for line in lines)


def add_texts(catalog: Catalog, path: Path, method: str, source: str) -> None:
    place = path.relative_to(ROOT).as_posix()
    found = extract(method, BytesIO(source.encode()), keywords=KEYWORDS, comment_tags=COMMENTS)
    for line, message, comments, context in found:
        catalog.add(message, None, [(place, line)], auto_comments=comments, context=context)


# --- The files --------------------------------------------------------------------------------------------------------


def update_all() -> None:
    """Gives each .po the texts there are now. No guesses for new ones: a fuzzy text helps nobody who reads the page."""
    for domain, found in texts().items():
        for language in languages():
            path = path_of(language, domain)
            if len(found) or path.exists():
                write(path, po_bytes(updated(path, language, domain, found)))


def updated(path: Path, language: str, domain: str, found: Catalog) -> Catalog:
    catalog = read(path) if path.exists() else new_catalog(language, domain)
    catalog.update(found, no_fuzzy_matching=True, update_creation_date=False)
    return catalog


def new_catalog(language: str, domain: str) -> Catalog:
    heading = f"# The texts of dminbox in the language {language} ({domain})."
    return Catalog(
        language, header_comment=heading, project="dminbox", version="1", language_team=language, fuzzy=False
    )


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name, domain=path.stem, abort_invalid=True)


def po_bytes(catalog: Catalog) -> bytes:
    """Without line numbers and in the order of the files, so that a change elsewhere in a file is no change here."""
    file = BytesIO()
    write_po(file, catalog, width=100, sort_by_file=True, ignore_obsolete=True, include_lineno=False)
    return file.getvalue()


def compile_all() -> None:
    for po in sorted(LOCALE.rglob("*.po")):
        mo, changed_at = po.with_suffix(".mo"), po.stat().st_mtime_ns
        if not mo.exists() or mo.stat().st_mtime_ns < changed_at:
            # As old as what was read: a .po that changes meanwhile is compiled at the next start.
            write(mo, mo_bytes(read(po)), changed_at)


def mo_bytes(catalog: Catalog) -> bytes:
    is_from_right = catalog.locale is not None and catalog.locale.text_direction == "rtl"
    for message in list(catalog):
        forms = [message.string or ""] if isinstance(message.string, str | None) else message.string
        if len(forms) > 1 and not all(forms):
            # Babel would fill the gap with one of the two English forms, by its number.
            catalog.delete(message.id, message.context)
        elif is_from_right and message.id:
            whole = tuple(with_whole_handles(form) for form in forms)
            message.string = whole if message.pluralizable else whole[0]
    file = BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def with_whole_handles(words: str) -> str:
    """Each @name isolated as left to right: else its @ goes to the other end of it, being of no direction."""
    return HANDLE.sub("\u2066\\g<0>\u2069", words)


def write(path: Path, content: bytes, changed_at: int | None = None) -> None:
    """At once and whole: another process that starts reads the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_bytes(content)
    if changed_at is not None:
        os.utime(draft, ns=(changed_at, changed_at))
    draft.replace(path)


if __name__ == "__main__":
    main()
