"""``manage.py evaluate DIR``: both stages of retrieval on a set of passages, questions and judgements."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from rerank.base import RerankerUnavailable
from retrieval import embedders, late_interaction
from retrieval.connections import reranker_for
from retrieval.embedders.base import EmbedderUnavailable
from retrieval.embedders.cache import CachedEmbedder
from retrieval.evaluation import REPORTED, evaluate, read_dataset


class Command(BaseCommand):
    help = "Measure retrieval on a BEIR-style folder (corpus.jsonl, queries.jsonl, qrels.tsv)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--reranker",
            action="append",
            default=[],
            metavar="NAME",
            help="also this second stage (a name of the catalogue or a folder); may be repeated",
        )
        parser.add_argument(
            "--embedder",
            action="append",
            default=[],
            metavar="NAME",
            help=f"default: {settings.EMBEDDER}; may be repeated",
        )
        parser.add_argument("--limit", type=int, metavar="N", help="only N questions, evenly spread")
        parser.add_argument("--no-rerank", action="store_true", help="only the first stage")
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        names = [] if options["no_rerank"] else [late_interaction.NAME, *options["reranker"]]
        try:
            dataset = read_dataset(options["folder"], limit=options["limit"])
        except (OSError, KeyError, ValueError, StopIteration) as error:
            raise CommandError(f"{options['folder']} cannot be read as a data set: {error!r}") from error
        if not dataset.queries:
            raise CommandError(f"{options['folder']} has no question with a judgement.")
        try:
            report = evaluate(
                dataset,
                embedders=[
                    CachedEmbedder(embedders.get(name), settings.DATA_DIR / "cache")
                    for name in options["embedder"] or [settings.EMBEDDER]
                ],
                rerankers=[reranker_for(name) for name in dict.fromkeys(names)],
                on_progress=self._quiet if options["json"] else self._progress,
            )
        except (EmbedderUnavailable, RerankerUnavailable) as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps(report, ensure_ascii=False))
        else:
            self._print(report)

    def _quiet(self, done: int, total: int) -> None:
        pass

    def _progress(self, done: int, total: int) -> None:
        if done % 20 == 0 or done == total:
            self.stderr.write(f"\r{done} of {total} questions", ending="" if done < total else "\n")

    def _print(self, report: dict) -> None:
        self.stdout.write(
            f"{report['dataset']}: {report['passages']} passages, {report['queries']} questions"
            f" and {report['unanswerable']} without an answer"
        )
        width = max(len(run["name"]) for run in report["runs"])
        self.stdout.write(" ".join([" " * width, *(f"{name:>10}" for name in (*REPORTED, "p50 ms"))]))
        for run in report["runs"]:
            values = [f"{run[name]:>10.3f}" for name in REPORTED]
            said = f"  refusal AUROC {run['refusal_auroc']:.3f}" if "refusal_auroc" in run else ""
            latency = f"{run['latency_ms']['p50']:>10.0f}"
            self.stdout.write(" ".join([f"{run['name']:<{width}}", *values, latency]) + said)
