"""A source opened at its passage, and who may open it."""

import pytest
from django.urls import reverse
from django.utils import timezone

from chat.models import Citation, Conversation, Message
from ingestion.models import Chunk, Document, DocumentPage, KnowledgeBase
from teams.models import Membership

TEXT = "Before the rule.\n\nLeave may be carried over until 31 March.\n\nAfter the rule."
QUOTE = "Leave may be carried over until 31 March."
HTMX = {"HX-Request": "true"}


def make_document(knowledge_base, mime="text/plain", name="rules.txt", pages=(TEXT,)):
    document = Document.objects.create(
        knowledge_base=knowledge_base, name=name, file="unused", sha256=name, size=1, mime=mime,
        status="ready", version=1, live_version=1,
    )  # fmt: skip
    start = 0
    for number, text in enumerate(pages, 1):
        DocumentPage.objects.create(
            document=document, version=1, number=number, start=start, text=text, width=600, height=800
        )
        start += len(text) + 2
    return document


def cite(user, document, *, number=1, message=None, **fields):
    if message is None:
        conversation = Conversation.objects.create(user=user, title="Leave")
        conversation.knowledge_bases.set([document.knowledge_base])
        message = Message.objects.create(conversation=conversation, role="assistant", text="Until March [1].")
    values = {
        "cited": True,
        "chunk_id": Chunk.make_id(document.pk, 1, 0),
        "document": document,
        "document_name": document.name,
        "page": 1,
        "quote": QUOTE,
        "start": TEXT.index(QUOTE),
        "end": TEXT.index(QUOTE) + len(QUOTE),
    }
    return Citation.objects.create(message=message, number=number, **values | fields)


def url(citation):
    return reverse("chat:citation", args=[citation.pk])


def test_only_the_owner_of_the_conversation_opens_it(client, alice, bob, charlie, knowledge_base):
    citation = cite(alice, make_document(knowledge_base))
    for other in (bob, charlie):
        client.force_login(other)
        assert client.get(url(citation)).status_code == 404
    client.force_login(alice)
    assert client.get(url(citation)).status_code == 200


def test_a_text_is_shown_with_the_passage_marked(client, alice, knowledge_base):
    citation = cite(alice, make_document(knowledge_base))
    client.force_login(alice)
    page = client.get(url(citation)).content.decode()
    assert f'Before the rule.\n\n<mark id="mark">{QUOTE}</mark>\n\nAfter the rule.' in page
    assert "<html" in page
    assert "<html" not in client.get(url(citation), headers=HTMX).content.decode()


def test_a_passage_is_found_again_after_the_text_moved(client, alice, knowledge_base):
    citation = cite(alice, make_document(knowledge_base), start=0, end=len(QUOTE))
    client.force_login(alice)
    assert f'<mark id="mark">{QUOTE}</mark>' in client.get(url(citation)).content.decode()


def test_a_passage_on_the_second_page_is_marked_there(client, alice, knowledge_base):
    first = "Another page."
    document = make_document(knowledge_base, pages=(first, TEXT))
    at = len(first) + 2 + TEXT.index(QUOTE)
    citation = cite(alice, document, page=2, start=at, end=at + len(QUOTE))
    client.force_login(alice)
    page = client.get(url(citation)).content.decode()
    assert f'<mark id="mark">{QUOTE}</mark>' in page
    assert "Another page." not in page


def test_only_the_surroundings_of_a_long_text_are_sent(client, alice, knowledge_base):
    text = "a" * 9000 + QUOTE + "b" * 9000
    document = make_document(knowledge_base, pages=(text,))
    citation = cite(alice, document, start=9000, end=9000 + len(QUOTE))
    client.force_login(alice)
    page = client.get(url(citation)).content.decode()
    assert page.count("a" * 2500) == 1
    assert "a" * 2501 not in page
    assert "b" * 2501 not in page


def test_a_text_that_no_longer_holds_the_passage_says_so(client, alice, knowledge_base):
    document = make_document(knowledge_base, pages=("Something else entirely.",))
    citation = cite(alice, document)
    client.force_login(alice)
    page = client.get(url(citation)).content.decode()
    assert "The document has changed since" in page
    assert QUOTE in page


def test_a_page_image_carries_its_marks(client, alice, knowledge_base):
    document = make_document(knowledge_base, mime="application/pdf", name="rules.pdf", pages=(TEXT, TEXT))
    regions = [
        {"page": 1, "x0": 0.1, "y0": 0.2, "x1": 0.5, "y1": 0.25},
        {"page": 2, "x0": 0.1, "y0": 0.05, "x1": 0.9, "y1": 0.1},
    ]
    citation = cite(alice, document, regions=regions)
    client.force_login(alice)
    page = client.get(url(citation)).content.decode()
    for number in (1, 2):
        assert reverse("ingestion:page_image", args=[document.pk, number]) in page
    assert 'x="10.000" y="20.000" width="40.000" height="5.000"' in page
    assert 'x="10.000" y="5.000" width="80.000" height="5.000"' in page
    assert "style=" not in page


def test_the_marks_are_the_same_in_every_language(client, alice, knowledge_base):
    document = make_document(knowledge_base, mime="application/pdf", name="rules.pdf")
    citation = cite(alice, document, regions=[{"page": 1, "x0": 0.125, "y0": 0.5, "x1": 0.5, "y1": 0.75}])
    client.force_login(alice)
    client.cookies["django_language"] = "zh-hans"
    assert (
        'x="12.500" y="50.000" width="37.500" height="25.000"' in client.get(url(citation)).content.decode()
    )


@pytest.mark.parametrize("purged", [False, True])
def test_a_deleted_document_leaves_its_quote(client, alice, knowledge_base, purged):
    document = make_document(knowledge_base)
    citation = cite(alice, document)
    if purged:
        document.delete()
    else:
        Document.objects.filter(pk=document.pk).update(deleted_at=timezone.now())
    client.force_login(alice)
    page = client.get(url(citation)).content.decode()
    assert "This document has been deleted" in page
    assert QUOTE in page
    assert "Open document" not in page


@pytest.mark.parametrize("purged", [False, True])
def test_who_may_no_longer_read_the_knowledge_base_sees_no_snapshot(
    client, alice, bob, knowledge_base, purged
):
    document = make_document(knowledge_base)
    citation = cite(bob, document)
    if purged:
        document.delete()
    client.force_login(bob)
    thread = reverse("chat:conversation", args=[citation.message.conversation_id])
    assert client.get(url(citation)).status_code == 200
    assert QUOTE in client.get(thread).content.decode()
    Membership.objects.filter(user=bob).delete()
    assert client.get(url(citation)).status_code == 404
    assert QUOTE not in client.get(thread).content.decode()


def test_a_knowledge_base_closed_to_named_members_closes_its_citations(client, bob, knowledge_base):
    citation = cite(bob, make_document(knowledge_base))
    KnowledgeBase.objects.update(access="members")
    client.force_login(bob)
    assert client.get(url(citation)).status_code == 404


def test_the_neighbours_follow_the_order_of_the_source_list(client, alice, knowledge_base):
    document = make_document(knowledge_base)
    uncited = cite(alice, document, number=1, cited=False)
    second = cite(alice, document, number=2, message=uncited.message)
    third = cite(alice, document, number=3, message=uncited.message)
    client.force_login(alice)
    view = client.get(url(third)).context["view"]
    assert (view.previous, view.next) == (second, uncited)
    view = client.get(url(second)).context["view"]
    assert (view.previous, view.next) == (None, third)
