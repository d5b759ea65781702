"""Answers as HTML: nothing that a model writes may act in a reader's browser."""

import re
import uuid

import pytest
from django.urls import reverse

from chat.models import Citation, Message
from chat.rendering import answer_html


@pytest.fixture
def message(conversation):
    message = Message.objects.create(conversation=conversation, role="assistant")
    Citation.objects.create(
        message=message, number=1, chunk_id=uuid.uuid4(), document_name='A "b" <c>.pdf', page=4
    )
    Citation.objects.create(
        message=message, number=2, chunk_id=uuid.uuid4(), document_name="Notes.md", page=None
    )
    return message


def html(message, text, unsupported=()):
    message.text, message.unsupported = text, list(unsupported)
    return str(answer_html(message))


def test_a_number_leads_to_its_citation(message):
    shown = html(message, "It is **26 days** [1].")
    address = reverse("chat:citation", args=[message.citations.get(number=1).pk])
    assert "<strong>26 days</strong>" in shown
    assert f'href="{address}"' in shown
    assert 'class="cite"' in shown
    assert 'data-number="1"' in shown
    assert "page 4" in shown
    assert "<c>" not in shown


def test_a_number_without_a_citation_stays_text(message):
    assert html(message, "It is so [7].") == "<p>It is so [7].</p>\n"


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![pixel](https://evil.example/p.png?q=secret)",
        "[click](https://evil.example)",
        "[click](javascript:alert(1))",
        "<https://evil.example>",
        "[a]: https://evil.example\n\n[a]",
        "[1](https://evil.example)",
        '<a href="https://evil.example" class="cite">x</a>',
        "<style>body{display:none}</style>",
        "<iframe src=//evil.example></iframe>",
        "\ue000<b onclick=x>\ue001",
    ],
)
def test_a_model_sends_nobody_anywhere(message, text):
    shown = html(message, text)
    assert not re.search(r"<(script|img|style|iframe|b\b)", shown)
    assert all(
        address.startswith("/citations/") for address in re.findall(r'<[^>]*(?:href|src)="([^"]*)', shown)
    )
    assert not re.search(r"<[^>]*\son\w+=", shown)


def test_what_its_source_does_not_bear_out_is_marked_and_said(message):
    text = "True [1]. Wrong [2]."
    shown = html(message, text, [[10, 20]])
    assert re.search(r'<mark class="unsupported".*Wrong <a.*\[2\]</a>\.</mark>', shown)
    assert "not borne out by its source" in shown
    assert shown.index("True") < shown.index("<mark")


def test_marks_survive_lists_emphasis_and_line_ends(message):
    text = "- **Wrong\n- also** wrong [1]\n\n# Head\n> quote"
    shown = html(message, text, [[0, len(text)]])
    assert shown.count("<mark") == shown.count("</mark>") >= 4
    assert shown.count("<li>") == 2
    assert "<h1>" in shown
    assert "<blockquote>" in shown


def test_tables_and_lists_are_shown(message):
    shown = html(message, "| a | b |\n|---|---|\n| 1 | 2 [1] |\n\n1. one\n2. two")
    assert "<td>" in shown
    assert "<ol>" in shown


def test_an_empty_answer_is_empty(message):
    assert html(message, "") == ""
