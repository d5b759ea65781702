"""Both stages of retrieval on every set of a folder, as a Markdown table.

    python -m benchmarks.eval_sets FOLDER [--limit N] [--sets NAME,NAME] [--no-rerank] [--json FILE]

FOLDER holds one BEIR-style folder per set. Vectors of passages are kept under DATA_DIR/cache.
"""

import argparse
import json
import os
import sys
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qa_project.settings")
django.setup()

from django.conf import settings  # noqa: E402

from retrieval import embedders, late_interaction  # noqa: E402
from retrieval.connections import reranker_for  # noqa: E402
from retrieval.embedders.cache import CachedEmbedder  # noqa: E402
from retrieval.evaluation import REPORTED, evaluate, read_dataset  # noqa: E402

SHOWN = ("ndcg@10", "recall@5", "recall@50", "mrr@10", "hit@5")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, help="questions of each set, evenly spread")
    parser.add_argument("--sets", help="only these, separated by commas")
    parser.add_argument("--no-rerank", action="store_true", help="only the first stage")
    parser.add_argument("--json", type=Path, help="also write the reports here")
    given = parser.parse_args()
    names = (
        given.sets.split(",")
        if given.sets
        else sorted(path.parent.name for path in given.folder.glob("*/qrels.tsv"))
    )
    embedder = CachedEmbedder(embedders.get(settings.EMBEDDER), settings.DATA_DIR / "cache")
    rerankers = [] if given.no_rerank else [reranker_for(late_interaction.NAME)]
    reports = []
    print("| set | questions | run |", " | ".join(SHOWN), "| p50 ms | refusal AUROC |")
    print("| --- | ---: | --- |", " ---: |" * (len(SHOWN) + 2))
    for name in names:
        dataset = read_dataset(given.folder / name, limit=given.limit)
        report = evaluate(dataset, embedders=[embedder], rerankers=rerankers)
        reports.append(report)
        for run in report["runs"]:
            values = " | ".join(f"{run[metric]:.3f}" for metric in SHOWN)
            refusal = f"{run['refusal_auroc']:.3f}" if "refusal_auroc" in run else ""
            shown = (name, report["queries"], run["name"], values, f"{run['latency_ms']['p50']:.0f}", refusal)
            print(f"| {' | '.join(map(str, shown))} |", flush=True)
        if given.json:
            given.json.write_text(json.dumps(reports, indent=1))
    for number, run in enumerate(reports[0]["runs"] if reports else []):
        means = {
            metric: sum(report["runs"][number][metric] for report in reports) / len(reports)
            for metric in REPORTED
        }
        print(
            f"| **mean** | | {run['name']} |", " | ".join(f"{means[metric]:.3f}" for metric in SHOWN), "| | |"
        )


if __name__ == "__main__":
    sys.exit(main())
