import pytest
from django.urls import reverse
from pymupdf import open as new_pdf

from ingestion.models import Chunk, Document
from tests.ingestion.making import Status, make_document, make_read


@pytest.fixture
def pdf(knowledge_base):
    """Three real pages, two lines on each."""
    paper = new_pdf()
    texts = [f"Line one of {n}\nLine two of {n}" for n in (1, 2, 3)]
    for text in texts:
        paper.new_page(width=300, height=400).insert_text((40, 60), text)
    document = make_document(
        knowledge_base, name="three pages.pdf", content=paper.tobytes(), mime="application/pdf"
    )
    return make_read(document, texts)


@pytest.fixture
def note(knowledge_base):
    return make_read(make_document(knowledge_base, name="note.txt"), ["alpha\nbeta\ngamma"], regions=False)


def address(document, name="document", *args):
    return reverse(f"ingestion:{name}", args=[document.pk, *args])


class TestDetail:
    def test_page_image_with_the_chunks_that_lie_on_it(self, client, alice, pdf):
        client.force_login(alice)
        response = client.get(address(pdf), {"page": 2})
        reading = response.context["reading"]
        assert (reading.page.number, reading.previous, reading.next) == (2, 1, 3)
        assert [chunk.text for chunk in reading.chunks] == ["Line one of 2", "Line two of 2"]
        text = response.content.decode()
        assert address(pdf, "page_image", 2) in text
        assert text.count("<rect") == 2
        assert 'x="10.0" y="50.0" width="80.0" height="50.0"' in text
        assert "Part › Page 2" in text

    def test_a_chunk_is_marked_without_script(self, client, alice, pdf):
        chunk = Chunk.objects.get(text="Line two of 3")
        client.force_login(alice)
        response = client.get(address(pdf), {"chunk": chunk.pk})
        assert response.context["reading"].page.number == 3
        text = response.content.decode()
        assert text.count('class="region marked"') == 1
        assert 'class="chunk marked"' in text

    def test_text_where_there_is_no_image(self, client, alice, note):
        chunk = Chunk.objects.get(text="beta")
        client.force_login(alice)
        text = client.get(address(note), {"chunk": chunk.pk}).content.decode()
        assert f'<mark data-chunk="{chunk.pk}">beta</mark>' in text
        assert "<rect" not in text
        assert "alpha" in text

    def test_a_long_flow_is_read_in_parts(self, client, alice, knowledge_base):
        lines = [f"line {n}" for n in range(100)]
        document = make_read(make_document(knowledge_base), ["\n".join(lines)], regions=False)
        client.force_login(alice)
        first = client.get(address(document)).context["reading"]
        assert (first.part, first.parts, len(first.chunks)) == (1, 3, 40)
        shown = "".join(segment.text for segment in first.segments)
        assert shown.split("\n") == lines[:40]
        chunk = Chunk.objects.get(text="line 95")
        last = client.get(address(document), {"chunk": chunk.pk}).context["reading"]
        assert last.part == 3
        assert [segment.text for segment in last.segments if segment.is_marked] == ["line 95"]
        assert "".join(segment.text for segment in last.segments).split("\n") == lines[80:]

    def test_cost_does_not_grow(self, client, alice, knowledge_base, django_assert_num_queries):
        texts = ["\n".join(f"line {n} of {page}" for n in range(20)) for page in range(100)]
        document = make_read(make_document(knowledge_base), texts)
        chunk = Chunk.objects.filter(page=50).first()
        client.force_login(alice)
        # session, user, document, page numbers, marked chunk, page, chunk range, chunks, text
        with django_assert_num_queries(9):
            client.get(address(document), {"page": 50, "chunk": chunk.pk})

    @pytest.mark.parametrize(
        "params", [{"page": "0"}, {"page": "99"}, {"page": "x"}, {"chunk": "x"}, {"part": "9"}]
    )
    def test_wrong_addresses_show_the_first_page(self, client, alice, pdf, params):
        client.force_login(alice)
        response = client.get(address(pdf), params)
        assert response.status_code == 200
        assert response.context["reading"].page.number == 1

    def test_a_chunk_of_an_earlier_version_is_said_to_be_gone(self, client, alice, pdf):
        old = pdf.chunks.first().pk
        make_read(pdf, ["Other text"])
        client.force_login(alice)
        assert "earlier version" in client.get(address(pdf), {"chunk": old}).content.decode()

    def test_a_live_version_is_shown_while_the_next_is_made(self, client, alice, pdf):
        Document.objects.update(status=Status.PARSING, pages_done=1, pages_total=3)
        client.force_login(alice)
        text = client.get(address(pdf)).content.decode()
        assert "1 of 3 pages read" in text
        assert "Line one of 1" in text
        assert "goes on answering" in text

    def test_before_and_without_any_page(self, client, alice, knowledge_base):
        waiting = make_document(knowledge_base, status=Status.QUEUED)
        failed = make_document(knowledge_base, status=Status.FAILED, error_code="corrupt")
        client.force_login(alice)
        assert "Not read yet" in client.get(address(waiting)).content.decode()
        text = client.get(address(failed)).content.decode()
        assert "damaged" in text
        assert address(failed, "retry") in text

    def test_fragments_are_the_same_templates(self, client, alice, pdf):
        client.force_login(alice)
        for target, template in (("reader", "_reader.html"), ("state", "_document_state.html")):
            part = client.get(address(pdf), headers={"HX-Request": "true", "HX-Target": target})
            assert part.templates[0].name == f"ingestion/{template}"
            whole = client.get(address(pdf))
            assert f"ingestion/{template}" in [each.name for each in whole.templates]

    def test_hostile_text_is_text(self, client, alice, knowledge_base):
        document = make_read(
            make_document(knowledge_base, name="<img src=x onerror=alert(1)>"), ["<script>alert(2)</script>"]
        )
        client.force_login(alice)
        text = client.get(address(document)).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text

    def test_viewer_may_read_but_not_touch(self, client, bob, pdf):
        client.force_login(bob)
        text = client.get(address(pdf)).content.decode()
        assert "Line one of 1" in text
        assert address(pdf, "delete") not in text

    def test_a_deleted_document_is_gone(self, client, alice, pdf):
        from ingestion import services

        services.delete_document(document=pdf, user=alice)
        client.force_login(alice)
        for name, *args in (("document",), ("file",), ("page_image", 1)):
            assert client.get(address(pdf, name, *args)).status_code == 404


class TestPageImage:
    def test_is_a_png_kept_for_one_person(self, client, bob, pdf):
        client.force_login(bob)
        response = client.get(address(pdf, "page_image", 1))
        assert response["Content-Type"] == "image/png"
        assert response.content.startswith(b"\x89PNG")
        assert set(response["Cache-Control"].split(", ")) == {"private", "max-age=300"}
        assert "Cookie" in response["Vary"]
        again = client.get(address(pdf, "page_image", 1), headers={"If-None-Match": response["ETag"]})
        assert again.status_code == 304

    def test_the_right_to_see_is_asked_for_before_the_etag(self, client, bob, charlie, pdf):
        client.force_login(bob)
        etag = client.get(address(pdf, "page_image", 1))["ETag"]
        client.force_login(charlie)
        assert client.get(address(pdf, "page_image", 1), headers={"If-None-Match": etag}).status_code == 404

    @pytest.mark.parametrize(
        ("asked", "drawn"),
        [
            ("", 1200),
            ("1", 200),
            ("801", 1200),
            ("99999", 2000),
            ("999999999", 1200),
            ("-5", 1200),
            ("x", 1200),
        ],
    )
    def test_widths_are_bounded(self, client, alice, pdf, asked, drawn):
        client.force_login(alice)
        png = client.get(address(pdf, "page_image", 1), {"width": asked}).content
        assert int.from_bytes(png[16:20], "big") == drawn

    @pytest.mark.parametrize("number", [0, 4, 10**9])
    def test_no_such_page(self, client, alice, pdf, number):
        client.force_login(alice)
        assert client.get(address(pdf, "page_image", number)).status_code == 404

    def test_no_image_of_a_text(self, client, alice, note):
        client.force_login(alice)
        assert client.get(address(note, "page_image", 1)).status_code == 404

    def test_a_file_that_vanished(self, client, alice, pdf):
        pdf.file.storage.delete(pdf.file.name)
        client.force_login(alice)
        assert client.get(address(pdf, "page_image", 1)).status_code == 404


class TestFile:
    async def read(self, async_client, person, document):
        await async_client.aforce_login(person)
        response = await async_client.get(address(document, "file"))
        return response, b"".join([piece async for piece in response.streaming_content])

    @pytest.mark.django_db(transaction=True)
    async def test_is_saved_and_never_opened(self, async_client, bob, knowledge_base):
        content = b"<html><script>alert(1)</script>" + b"x" * 600_000
        document = await _async(make_document)(
            knowledge_base, name='page "one" <b>\u4e2d\u6587.html', content=content, mime="text/html"
        )
        response, received = await self.read(async_client, bob, document)
        assert received == content
        assert response["Content-Type"] == "application/octet-stream"
        assert response["Content-Disposition"].startswith("attachment;")
        assert "%E4%B8%AD%E6%96%87.html" in response["Content-Disposition"]
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Content-Security-Policy"].startswith("sandbox")
        assert int(response["Content-Length"]) == len(content)

    def test_a_file_that_vanished(self, client, alice, note):
        note.file.storage.delete(note.file.name)
        client.force_login(alice)
        assert client.get(address(note, "file")).status_code == 404


class TestDelete:
    def test_asks_first_and_then_deletes(self, client, alice, pdf):
        client.force_login(alice)
        assert "Delete this document?" in client.get(address(pdf, "delete")).content.decode()
        assert Document.objects.alive().exists()
        response = client.post(address(pdf, "delete"))
        assert response.url == reverse("ingestion:knowledge_base", args=[pdf.knowledge_base_id])
        assert not Document.objects.alive().exists()

    def test_by_htmx_the_row_leaves_and_the_counts_change(self, client, alice, pdf):
        client.force_login(alice)
        response = client.post(
            f"{address(pdf, 'delete')}?in={pdf.knowledge_base_id}", headers={"HX-Request": "true"}
        )
        text = response.content.decode()
        assert f'<tr id="document-{pdf.pk}" hx-swap-oob="delete">' in text
        assert 'id="counts"' in text


class TestRetry:
    def test_puts_a_failed_document_back(self, client, alice, knowledge_base):
        document = make_document(knowledge_base, status=Status.FAILED, error_code="timeout")
        client.force_login(alice)
        response = client.post(
            f"{address(document, 'retry')}?in={knowledge_base.pk}", headers={"HX-Request": "true"}
        )
        text = response.content.decode()
        assert f'id="document-{document.pk}" hx-swap-oob="true"' in text
        assert 'hx-trigger="every 2s"' in text  # the page asks again
        document.refresh_from_db()
        assert document.status == Status.QUEUED

    def test_without_script_leads_to_the_document(self, client, alice, knowledge_base):
        document = make_document(knowledge_base, status=Status.FAILED)
        client.force_login(alice)
        assert client.post(address(document, "retry")).url == address(document)


class TestProgress:
    URL = reverse("ingestion:progress")

    def test_rows_again_until_all_is_done(self, client, alice, knowledge_base):
        rows = [make_document(knowledge_base, status=Status.PARSING, pages_total=4) for _ in range(2)]
        params = {"id": [row.pk for row in rows], "in": str(knowledge_base.pk)}
        client.force_login(alice)
        response = client.get(self.URL, params)
        assert response.status_code == 200
        assert response.content.decode().count("0 of 4 pages read") == 2
        assert 'id="counts"' not in response.content.decode()
        Document.objects.update(status=Status.READY)
        response = client.get(self.URL, params)
        assert response.status_code == 286
        assert "2 ready" in response.content.decode()

    def test_a_deleted_row_leaves(self, client, alice, knowledge_base):
        from ingestion import services

        document = make_document(knowledge_base, status=Status.PARSING)
        services.delete_document(document=document, user=alice)
        client.force_login(alice)
        text = client.get(self.URL, {"id": document.pk}).content.decode()
        assert f'<tr id="document-{document.pk}" hx-swap-oob="delete">' in text

    def test_cost_is_one_query_for_fifty_rows(self, client, alice, knowledge_base, django_assert_num_queries):
        rows = [make_document(knowledge_base, status=Status.PARSING) for _ in range(50)]
        client.force_login(alice)
        with django_assert_num_queries(3):  # session, user, rows
            client.get(self.URL, {"id": [row.pk for row in rows], "in": str(knowledge_base.pk)})

    def test_rubbish_is_answered_calmly(self, client, alice, knowledge_base):
        client.force_login(alice)
        assert client.get(self.URL, {"id": ["x", ""], "in": "y"}).status_code == 286

    def test_outsider_learns_nothing(self, client, charlie, knowledge_base):
        document = make_document(knowledge_base, name="secret plan.txt", status=Status.PARSING)
        client.force_login(charlie)
        text = client.get(self.URL, {"id": document.pk, "in": str(knowledge_base.pk)}).content.decode()
        assert "secret plan" not in text
        assert "1" not in text.replace(str(document.pk), "")


WRITES = [("delete", "post"), ("delete", "get"), ("retry", "post")]
READS = [("document", "get"), ("file", "get"), ("page_image", "get")]


def _call(client, document, name, method):
    return getattr(client, method)(address(document, name, *([1] if name == "page_image" else [])))


@pytest.mark.parametrize(("name", "method"), WRITES)
def test_viewer_may_not_write(client, bob, pdf, name, method):
    client.force_login(bob)
    assert _call(client, pdf, name, method).status_code == 403
    assert Document.objects.alive().exists()


@pytest.mark.parametrize(("name", "method"), READS + WRITES)
def test_outsider_404(client, charlie, pdf, name, method):
    client.force_login(charlie)
    assert _call(client, pdf, name, method).status_code == 404


@pytest.mark.parametrize(("name", "method"), READS + WRITES)
def test_anonymous_is_sent_to_log_in(client, pdf, name, method):
    assert "/accounts/login/" in _call(client, pdf, name, method).url


def _async(function):
    from asgiref.sync import sync_to_async

    return sync_to_async(function)
