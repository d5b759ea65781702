"""``python -m rerank``: the catalogue in a terminal; ``python -m rerank download NAME`` fetches a model."""

import argparse
import os
import sys
from pathlib import Path

from rerank.base import RerankerUnavailable
from rerank.catalogue import CATALOGUE, on_this_machine
from rerank.storage import DownloadCancelled, Progress, download


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rerank", description="Rerankers of this product.")
    parser.add_argument(
        "--models-dir", type=Path, default=Path(os.environ.get("MODELS_DIR") or "data/models")
    )
    actions = parser.add_subparsers(dest="action")
    fetch = actions.add_parser("download", help="fetch a model from the hub or the mirror in HF_ENDPOINT")
    fetch.add_argument("name")
    options = parser.parse_args(arguments)
    if options.action == "download":
        return fetch_model(options.name, options.models_dir.resolve())
    for spec in CATALOGUE.values():
        here = "here" if on_this_machine(spec, models_dir=options.models_dir.resolve()) else ""
        languages = ",".join(spec.languages or ["many"])
        print(f"{spec.name:56} {languages:12} {spec.licence:12} {spec.disk_bytes / 1e9:5.1f} GB  {here}")
    return 0


def fetch_model(name: str, models_dir: Path) -> int:
    """Download with a line of progress; 0, or 1 with the reason on stderr."""

    def show(progress: Progress) -> None:
        print(
            f"\r{progress.done / 1e6:9.1f} of {progress.total / 1e6:.1f} MB  {progress.file:40}",
            end="",
            file=sys.stderr,
        )

    try:
        folder = download(name, models_dir=models_dir, on_progress=show)
    except (RerankerUnavailable, DownloadCancelled) as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    print(f"\n{folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
