"""`kill -9` at any moment of an ingest, then a restart: every document ends, once, and whole."""

import signal
from uuid import UUID

import pytest

from retrieval import stores
from tests.deployment.conftest import Installation, eventually

DOCUMENTS = 5
TEXTS = 25
UPLOAD = """
import random
from django.core.files.base import ContentFile
from ingestion import services
from teams.models import Team, User
random.seed(1)
alice = User.objects.get()
words = "leave report travel cost year director bicycle harbour contract salary audit board office".split()
knowledge_base = services.create_knowledge_base(team=Team.objects.get(), user=alice, name="Handbook")
for number in range({documents}):
    paragraphs = [" ".join(random.choices(words, k=150)) + "." for _ in range({texts})]
    name = f"document {{number}}.txt"
    content = ContentFile("\\n\\n".join(paragraphs).encode(), name=name)
    services.create_document(knowledge_base=knowledge_base, user=alice, name=name, file=content)
"""

MOMENTS = {
    "while one is parsed": lambda rows: any(row["status"] == "parsing" for row in rows),
    "while one is embedded": lambda rows: any(
        row["status"] == "indexing" and 0 < row["chunks_done"] < row["chunks_total"] for row in rows
    ),
    "when some are ready and some are not": lambda rows: (
        {"ready", "indexing"} <= {row["status"] for row in rows}
    ),
}


@pytest.fixture
def uploaded(installation) -> Installation:
    """Documents in the database that no process has seen yet."""
    script = UPLOAD.format(documents=DOCUMENTS, texts=TEXTS)
    installation.manage("shell", "--verbosity", "0", "-c", script)
    assert [row["status"] for row in installation.documents()] == ["queued"] * DOCUMENTS
    return installation


@pytest.mark.timeout(600)
def test_every_document_ends_whole_after_kills_at_every_stage(uploaded, settings):
    for moment, come in MOMENTS.items():
        with uploaded.serve() as process:
            eventually(
                lambda come=come: come(uploaded.documents()) or _ended(uploaded),
                what=f"{moment}: {_states(uploaded)}",
            )
            process.send_signal(signal.SIGKILL)
            process.wait()
    with uploaded.serve():
        eventually(lambda: _ended(uploaded), what="after the last restart")
        with uploaded.client() as client:
            knowledge_base = client.get("knowledge-bases").json()[0]["id"]
            found = client.post(
                "search", json={"knowledge_base_ids": [knowledge_base], "query": "harbour audit"}
            )
            assert found.status_code == 200, found.text
            assert found.json()["hits"]

    rows = uploaded.documents()
    assert [(row["status"], row["error_code"]) for row in rows] == [("ready", "")] * DOCUMENTS
    assert len({row["sha256"] for row in rows}) == DOCUMENTS
    settings.DATA_DIR, settings.QDRANT_URL = uploaded.folder, ""
    [store] = stores.all_stores()
    try:
        for row in rows:
            chunks = _chunks(uploaded, row["id"])
            assert len(chunks) == row["chunks_total"] > 1
            assert set(store.point_ids(UUID(row["id"]))) == chunks
        assert store.count() == sum(row["chunks_total"] for row in rows)
    finally:
        stores.close_all()


@pytest.mark.timeout(300)
def test_a_document_that_kills_every_worker_fails_with_a_reason(uploaded):
    """Three claims of one stage without an end, and nobody tries again by himself."""
    uploaded.manage(
        "shell",
        "--verbosity",
        "0",
        "-c",
        "from ingestion.models import Document; Document.objects.update(status='parsing', attempts=3)",
    )
    with uploaded.serve():
        eventually(lambda: _ended(uploaded), timeout_s=60)
    assert {(row["status"], row["error_code"]) for row in uploaded.documents()} == {("failed", "worker_died")}


def _ended(installation: Installation) -> bool:
    return all(row["status"] in ("ready", "failed") for row in installation.documents())


def _states(installation: Installation) -> list[tuple]:
    return [(row["status"], row["chunks_done"], row["chunks_total"]) for row in installation.documents()]


def _chunks(installation: Installation, document_id: str) -> set[UUID]:
    rows = installation.select("SELECT id FROM ingestion_chunk WHERE document_id = ?", document_id)
    return {UUID(row["id"]) for row in rows}
