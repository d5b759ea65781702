"""/api/v1/knowledge-bases/{id}/documents and /api/v1/documents/{id}"""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from ingestion.models import Document


def text_file(name="notes.txt", content=b"The office opens at nine.\n"):
    return SimpleUploadedFile(name, content)


def list_url(knowledge_base):
    return f"/api/v1/knowledge-bases/{knowledge_base.pk}/documents"


def url(document):
    return f"/api/v1/documents/{document.pk}"


@pytest.fixture
def document(knowledge_base, alice):
    return Document.objects.create(
        knowledge_base=knowledge_base,
        name="handbook.pdf",
        sha256="0" * 64,
        size=3,
        mime="application/pdf",
        status=Document.Status.INDEXING,
        pages_total=4,
        pages_done=4,
        chunks_total=10,
        chunks_done=5,
    )


class TestUpload:
    def test_several_files_at_once(self, knowledge_base, alice_api):
        files = [text_file(), text_file("二.md", "# 二\n办公室九点开门。".encode())]
        response = alice_api.post(list_url(knowledge_base), {"files": files})
        assert response.status_code == 202
        first, second = response.json()
        assert first == {
            "id": first["id"],
            "name": "notes.txt",
            "status": "queued",
            "progress": 0.0,
            "error": None,
            "error_code": None,
            "pages": 0,
            "chunks": 0,
        }
        assert second["name"] == "二.md"
        assert {str(pk) for pk in Document.objects.values_list("pk", flat=True)} == {
            first["id"],
            second["id"],
        }

    def test_a_bad_file_does_not_stop_the_good_one(self, knowledge_base, alice_api):
        files = [text_file("../../empty.txt", b""), text_file()]
        response = alice_api.post(list_url(knowledge_base), {"files": files})
        assert response.status_code == 202
        bad, good = response.json()
        assert (bad["id"], bad["name"], bad["status"]) == (None, "empty.txt", "failed")
        assert bad["error_code"] == "empty"
        assert bad["error"] == "The file is empty."
        assert good["error"] is None
        assert Document.objects.get().name == "notes.txt"

    def test_when_all_are_bad_it_says_so(self, knowledge_base, alice_api):
        response = alice_api.post(list_url(knowledge_base), {"files": [text_file("a.txt", b"")]})
        assert response.status_code == 422
        body = response.json()
        assert body["error"] == {"code": "empty", "message": "The file is empty."}
        assert body["documents"][0]["name"] == "a.txt"

    def test_the_same_file_again_names_the_document_that_is_there(self, knowledge_base, alice_api):
        first = alice_api.post(list_url(knowledge_base), {"files": [text_file()]}).json()[0]
        response = alice_api.post(list_url(knowledge_base), {"files": [text_file("copy.txt")]})
        assert response.status_code == 202
        again = response.json()[0]
        assert (again["id"], again["error_code"]) == (first["id"], "duplicate")
        assert Document.objects.count() == 1

    def test_no_file_is_422(self, knowledge_base, alice_api):
        response = alice_api.post(list_url(knowledge_base), {})
        assert response.status_code == 422
        assert "files" in response.json()["error"]["message"]

    def test_a_viewer_may_not_and_an_outsider_sees_nothing(self, knowledge_base, bob_api, charlie_api):
        assert bob_api.post(list_url(knowledge_base), {"files": [text_file()]}).status_code == 403
        assert charlie_api.post(list_url(knowledge_base), {"files": [text_file()]}).status_code == 404
        assert not Document.objects.exists()


class TestShow:
    def test_the_state(self, document, alice_api, bob_api, charlie_api):
        expected = {
            "id": str(document.pk),
            "name": "handbook.pdf",
            "status": "indexing",
            "progress": 0.75,
            "error": None,
            "error_code": None,
            "pages": 4,
            "chunks": 10,
        }
        assert alice_api.get(url(document)).json() == expected
        assert bob_api.get(url(document)).json() == expected
        assert charlie_api.get(url(document)).status_code == 404

    def test_why_it_failed(self, document, alice_api):
        Document.objects.update(status="failed", error_code="password_protected")
        body = alice_api.get(url(document)).json()
        assert body["error_code"] == "password_protected"
        assert "password" in body["error"]

    @pytest.mark.parametrize("id", ["nonsense", "1", uuid.uuid4(), "../admin", "%00"])
    def test_ids_that_are_none(self, alice_api, id):
        assert alice_api.get(f"/api/v1/documents/{id}").status_code in (404, 422)
        assert alice_api.delete(f"/api/v1/documents/{id}").status_code in (404, 422)


class TestDelete:
    def test_it_is_gone_at_once(self, document, alice_api):
        response = alice_api.delete(url(document))
        assert response.status_code == 204
        assert response.content == b""
        assert alice_api.get(url(document)).status_code == 404
        assert alice_api.delete(url(document)).status_code == 404

    def test_a_viewer_may_not_and_an_outsider_sees_nothing(self, document, bob_api, charlie_api):
        assert bob_api.delete(url(document)).status_code == 403
        assert charlie_api.delete(url(document)).status_code == 404
        document.refresh_from_db()
        assert document.deleted_at is None


class TestList:
    @pytest.fixture
    def seven(self, knowledge_base):
        now = timezone.now()
        for number in range(7):
            made = Document.objects.create(
                knowledge_base=knowledge_base, name=f"{number}", sha256=str(number), size=1, mime="text/plain"
            )
            # Pairs share a moment: the cursor must tell them apart.
            Document.objects.filter(pk=made.pk).update(created_at=now - timedelta(seconds=number // 2))

    def test_pages_cover_all_rows_once(self, seven, knowledge_base, bob_api, django_assert_max_num_queries):
        seen, after = [], ""
        for _ in range(4):
            body = bob_api.get(list_url(knowledge_base), {"limit": 2, "after": after}).json()
            seen += [item["name"] for item in body["items"]]
            after = body["next"]
        assert after is None
        assert sorted(seen) == list("0123456")
        assert [int(name) // 2 for name in seen] == [0, 0, 1, 1, 2, 2, 3]
        with django_assert_max_num_queries(4):
            bob_api.get(list_url(knowledge_base))

    def test_an_outsider_sees_nothing(self, seven, knowledge_base, charlie_api):
        assert charlie_api.get(list_url(knowledge_base)).status_code == 404

    @pytest.mark.parametrize("after", ["x", "bnVsbA", "WzEsMl0", "é", "=" * 50])
    def test_a_made_up_cursor_is_refused(self, seven, knowledge_base, alice_api, after):
        response = alice_api.get(list_url(knowledge_base), {"after": after})
        assert response.status_code == 422
        assert response.json()["error"]["code"] == "bad_cursor"

    @pytest.mark.parametrize("limit", ["0", "201", "x"])
    def test_and_an_unfit_limit(self, knowledge_base, alice_api, limit):
        assert alice_api.get(list_url(knowledge_base), {"limit": limit}).status_code == 422
