"""Each page of this room speaks the reader's language throughout: no string escapes translation."""

import re
from pathlib import Path

import pytest
from django.conf import settings

TEMPLATES = sorted(
    path
    for folder in ("teams", "account")
    for path in (Path(settings.BASE_DIR) / "templates" / folder).glob("*.html")
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_words_stand_inside_translate_tags(path):
    page = path.read_text("utf-8")
    page = re.sub(r"{% comment %}.*?{% endcomment %}", "", page, flags=re.S)
    page = re.sub(r"{% blocktranslate.*?{% endblocktranslate %}", "", page, flags=re.S)
    page = re.sub(r"<code\b.*?</code>", "", page, flags=re.S)
    page = re.sub(r"{%.*?%}|{{.*?}}", "", page, flags=re.S)
    page = re.sub(r"<[^>]*>", "", page, flags=re.S)
    assert not re.findall(r"[A-Za-z]{2,}", page)
