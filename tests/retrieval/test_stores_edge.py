"""What only the engine in this process has: its folder, its lock, its log, its optimizer."""

import subprocess
import sys
import threading
from types import SimpleNamespace

import numpy as np
import pytest

from retrieval.sparse import query_vector
from retrieval.stores import edge
from retrieval.stores.base import StoreFull, StoreUnavailable
from retrieval.stores.edge import EdgeStore
from tests.fakes import HashingEmbedder
from tests.retrieval.test_stores import REPORT, RESEARCH, TEXTS, point

HOLD = """
import sys; from pathlib import Path; from retrieval.stores.edge import EdgeStore
store = EdgeStore(Path(sys.argv[1]), 64); print("held", flush=True); sys.stdin.read()
"""
WRITE_AND_DIE = """
import os, signal, sys; from pathlib import Path
from retrieval.stores.edge import EdgeStore; from tests.retrieval.test_stores import REPORT, point
store = EdgeStore(Path(sys.argv[1]), 64)
store.upsert([point(REPORT, n, f"word{n}") for n in range(500)])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_folder_belongs_to_one_process(tmp_path):
    folder = tmp_path / "index"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StoreUnavailable, match="in use by another process"):
            EdgeStore(folder, 64)
    finally:
        holder.kill()
        holder.wait()
    EdgeStore(folder, 64).close()


def test_a_killed_process_loses_nothing_it_wrote(tmp_path):
    folder = tmp_path / "index"
    died = subprocess.run([sys.executable, "-c", WRITE_AND_DIE, str(folder)])
    assert died.returncode == -9
    store = EdgeStore(folder, 64)
    assert store.count(document_id=REPORT) == 500
    assert len(store.search_sparse(query_vector("word7"), knowledge_base_ids=[RESEARCH], limit=5)) == 1
    store.close()


def test_a_nearly_full_disk_takes_no_more_and_still_answers(tmp_path, monkeypatch):
    """At the very end a write through a memory map would end the process."""
    store = EdgeStore(tmp_path / "index", 64)
    store.upsert([point(REPORT, 1, "word1")])
    monkeypatch.setattr(edge.disk.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1024))
    with pytest.raises(StoreFull):
        store.upsert([point(REPORT, 2, "word2")])
    with pytest.raises(StoreFull):
        EdgeStore(tmp_path / "another", 64)
    assert store.count() == 1
    assert len(store.search_sparse(query_vector("word1"), knowledge_base_ids=[RESEARCH], limit=5)) == 1
    store.close()


def test_what_was_written_is_there_after_opening_again(tmp_path):
    store = EdgeStore(tmp_path / "index", 64)
    store.upsert([point(REPORT, n, text) for n, text in enumerate(TEXTS)])
    store.close()
    store = EdgeStore(tmp_path / "index", None)
    assert store.count() == len(TEXTS)
    store.close()


def test_a_closed_store_is_unavailable(tmp_path):
    store = EdgeStore(tmp_path / "index", 64)
    store.close()
    with pytest.raises(StoreUnavailable):
        store.count()


def test_a_damaged_index_is_unavailable_and_gives_its_lock_back(tmp_path):
    folder = tmp_path / "index"
    EdgeStore(folder, 64).close()
    (folder / "current" / "edge_config.json").write_text("{")
    for _attempt in range(2):
        with pytest.raises(StoreUnavailable, match="cannot be opened"):
            EdgeStore(folder, 64)


def test_an_index_that_does_not_exist_is_not_made_without_a_dimension(tmp_path):
    with pytest.raises(StoreUnavailable):
        EdgeStore(tmp_path / "index", None)


def test_what_a_killed_process_left_half_made_is_swept(tmp_path):
    folder = tmp_path / "index"
    (folder / "0123abcd").mkdir(parents=True)
    EdgeStore(folder, 64).close()
    assert sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.is_symlink()) == [
        (folder / "current").resolve().name
    ]


def test_optimizing_keeps_every_point_and_what_is_written_meanwhile(tmp_path, monkeypatch):
    """Searches and writes go on while a copy is optimized in a process of its own; then it is used."""
    monkeypatch.setattr(edge, "OPTIMIZE_AFTER", 3000)
    store = EdgeStore(tmp_path / "index", 64)
    before = (tmp_path / "index" / "current").resolve()
    rng = np.random.default_rng(1)
    texts = [" ".join(f"word{n}" for n in rng.integers(0, 900, 12)) for _ in range(3000)]
    points = [point(REPORT, n, text) for n, text in enumerate(texts)]
    for start in range(0, 3000, 500):
        store.upsert(points[start : start + 500])
    optimizing = [thread for thread in threading.enumerate() if thread.name == "optimize-index"]
    assert len(optimizing) == 1
    store.upsert([point(REPORT, 3000, "written while optimizing")])
    query = HashingEmbedder().embed_query(texts[42])
    assert store.search_dense(query, knowledge_base_ids=[RESEARCH], limit=1)[0].id == points[42].id
    optimizing[0].join(60)

    current = (tmp_path / "index" / "current").resolve()
    assert current != before
    assert not before.exists()
    assert store.count() == 3001
    for ordinal in (0, 42, 2999):
        query = HashingEmbedder().embed_query(texts[ordinal])
        assert store.search_dense(query, knowledge_base_ids=[RESEARCH], limit=1)[0].score == pytest.approx(
            1.0, abs=1e-3
        )
    store.close()
    store = EdgeStore(tmp_path / "index", None)
    assert store.count() == 3001
    assert len(store.search_sparse(query_vector("optimizing"), knowledge_base_ids=[RESEARCH], limit=5)) == 1
    store.close()


def test_an_optimizer_that_fails_leaves_the_index_as_it_was(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(edge, "OPTIMIZE", "raise SystemExit(3)")
    store = EdgeStore(tmp_path / "index", 64)
    store.upsert([point(REPORT, n, text) for n, text in enumerate(TEXTS)])
    store.optimize()
    assert "was not optimized" in caplog.text
    assert store.count() == len(TEXTS)
    store.upsert([point(REPORT, 9, "another")])
    assert store.count() == len(TEXTS) + 1
    store.close()


def test_closing_stops_the_optimizer(tmp_path, monkeypatch):
    monkeypatch.setattr(edge, "OPTIMIZE", "import time; time.sleep(60)")
    store = EdgeStore(tmp_path / "index", 64)
    store.upsert([point(REPORT, n, text) for n, text in enumerate(TEXTS)])
    thread = threading.Thread(target=store.optimize)
    thread.start()
    while store._optimizer is None:
        thread.join(0.01)
    store.close()
    thread.join(10)
    assert not thread.is_alive()
    store = EdgeStore(tmp_path / "index", None)
    assert store.count() == len(TEXTS)
    store.close()
