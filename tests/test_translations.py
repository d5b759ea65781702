"""The Simplified Chinese catalogue is whole: nothing untranslated, nothing doubtful, no placeholder lost."""

import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.utils.translation import gettext, ngettext, override
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PLACEHOLDER = re.compile(r"%\(\w+\)[sdf]|(?<!%)%[sd]|\{\w*\}|</?\w+[^>]*>")
KEYWORDS = {
    **dict.fromkeys(["_", "gettext", "gettext_lazy", "gettext_noop"]),
    **dict.fromkeys(["ngettext", "ngettext_lazy"], (1, 2)),
    "pgettext": ((1, "c"), 2),
}
NAMES = {"Cohere", "Voyage", "Text Embeddings Inference", "QA Project"}
"""Said alike in both languages."""


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="zh_Hans")


def sentences(value) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_nothing_is_untranslated_or_doubtful(catalogue):
    unfinished = [
        message.id
        for message in catalogue
        if message.id and (message.fuzzy or not all(sentences(message.string)))
    ]
    assert unfinished == []


def test_placeholders_and_markup_are_those_of_the_original(catalogue):
    for message in catalogue:
        if message.id:
            wanted = sorted(PLACEHOLDER.findall(sentences(message.id)[-1]))
            for sentence in sentences(message.string):
                assert sorted(PLACEHOLDER.findall(sentence)) == wanted, message.id


def test_translations_are_chinese(catalogue):
    for message in catalogue:
        if message.id and not set(sentences(message.id)) & NAMES:
            words = re.sub(PLACEHOLDER, "", sentences(message.id)[0])
            if re.search("[a-z]{3}", words) and "%" not in words:
                assert re.search("[\u4e00-\u9fff]", sentences(message.string)[0]), message.id


def test_the_catalogue_holds_every_message_of_the_code(catalogue):
    """What `makemessages -l zh_Hans` would find now is in the catalogue: run it after changing a sentence."""
    known = {sentences(message.id)[0] for message in catalogue if message.id}
    found = set()
    for app in ("chat", "ingestion", "qa_project", "rerank", "retrieval", "teams"):
        for path in (ROOT / app).rglob("*.py"):
            found |= messages_of(path.read_text())
    for path in (ROOT / "templates").rglob("*.html"):
        # Around its calls of gettext, templatize leaves rows of X and the template's indentation.
        calls = re.sub(r"X+", "", templatize(path.read_text()))
        found |= messages_of("\n".join(line.strip() for line in calls.splitlines()))
    assert sorted(found - known) == []


def messages_of(code: str) -> set[str]:
    """Every sentence that Python ``code`` hands to gettext, a plural by its singular."""
    extracted = extract("python", io.BytesIO(code.encode()), KEYWORDS)
    return {sentences(message)[0] for _line, message, _comments, _context in extracted}


def test_the_compiled_catalogue_is_used():
    with override("zh-hans"):
        assert gettext("Ask your documents") == "向您的文档提问"
        assert ngettext("%(counter)s knowledge base", "%(counter)s knowledge bases", 2) % {"counter": 2} == (
            "2 个知识库"
        )
