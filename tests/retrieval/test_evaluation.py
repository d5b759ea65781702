"""``manage.py evaluate`` on a small folder, with the real models."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from retrieval.evaluation import read_dataset, spread

TEXTS = {
    "leave": "Every employee has thirty days of annual leave.",
    "travel": "Travel costs are paid back within two weeks.",
    "pay": "工资在每月的最后一天支付。",
    "kitchen": "The kitchen on the second floor is open to everybody.",
}
QUERIES = {
    "q1": "How long is the annual leave?",
    "q2": "When are travel costs paid?",
    "q3": "工资什么时候支付？",
}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    corpus = [{"id": id, "title": "", "text": text} for id, text in TEXTS.items()]
    queries = [{"id": id, "text": text} for id, text in QUERIES.items()]
    queries.append({"id": "q4", "text": "Who won the chess championship of 1972?", "unanswerable": True})
    for name, rows in (("corpus", corpus), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judged = [("q1", "leave"), ("q2", "travel"), ("q3", "pay")]
    lines = ["query-id\tcorpus-id\trelevance", *(f"{query}\t{passage}\t1" for query, passage in judged)]
    (folder / "qrels.tsv").write_text("\n".join(lines))
    return folder


def test_the_report_holds_every_run(folder):
    out = StringIO()
    call_command("evaluate", folder, "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert (report["dataset"], report["queries"], report["unanswerable"]) == ("small", 3, 1)
    names = [run["name"] for run in report["runs"]]
    assert names == ["bm25", "dense", "hybrid", "hybrid + late-interaction"]
    for run in report["runs"]:
        assert {"hit@5", "mrr@10", "ndcg@10", "recall@5", "recall@50", "latency_ms"} <= run.keys()
        assert run["mrr@10"] == 1.0, run
        assert 0 < run["latency_ms"]["p50"] <= run["latency_ms"]["p95"]
    assert report["runs"][-1]["refusal_auroc"] == 1.0


def test_the_table_names_the_set(folder):
    out = StringIO()
    call_command("evaluate", folder, "--limit", "2", "--no-rerank", stdout=out, stderr=StringIO())
    assert "small: 4 passages, 2 questions and 1 without an answer" in out.getvalue()
    assert "hybrid" in out.getvalue()


def test_bad_folders_and_names_are_said(folder, tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("evaluate", tmp_path / "nowhere")
    with pytest.raises(CommandError, match="no built-in embedder"):
        call_command("evaluate", folder, "--embedder", "nothing")
    with pytest.raises(CommandError):
        call_command("evaluate", folder, "--reranker", "no/such-model")
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\trelevance\n")
    with pytest.raises(CommandError, match="no question"):
        call_command("evaluate", folder)


def test_a_limit_spreads_over_the_questions_and_is_always_the_same(folder):
    queries = {str(number): "" for number in range(100)}
    assert list(spread(queries, 5)) == ["0", "24", "49", "74", "99"]
    assert spread(queries, None) == queries
    assert list(read_dataset(folder, limit=2).queries) == ["q1", "q3"]
