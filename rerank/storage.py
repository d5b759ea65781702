"""Where a model's files are, and how they get here.

The hub's client is imported where it is used: the catalogue is shown by pages that start fast.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rerank.base import HubUnreachable, RerankerMissing, RerankerUnavailable

WANTED = ["*.json", "*.safetensors", "*.model", "*.txt"]
"""Configuration, weights and tokenizer; neither other frameworks' weights nor code."""


@dataclass(frozen=True, slots=True)
class Progress:
    """``done`` and ``total`` bytes of a download; ``file`` is the one being fetched."""

    done: int
    total: int
    file: str


class DownloadCancelled(Exception):
    """The person asked to stop. What was fetched is kept, and the next download goes on from there."""


def find(name: str, *, models_dir: Path | None = None) -> Path | None:
    """The folder that holds ``name`` whole, or None: a path, ``models_dir/owner/name``, the hub's cache."""
    folders = [Path(name).expanduser()]
    if models_dir:
        folders.append(models_dir / name)
    for folder in folders:
        if is_whole(folder):
            return folder
    if is_hub_name(name):
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError

        try:
            folder = Path(snapshot_download(name, local_files_only=True))
        except LocalEntryNotFoundError:
            return None
        if is_whole(folder):
            return folder
    return None


def locate(name: str, *, models_dir: Path | None = None) -> Path:
    """`find`, or RerankerMissing with what to do about it."""
    if folder := find(name, models_dir=models_dir):
        return folder
    if is_hub_name(name):
        place = f" or copy its files to {models_dir / name}" if models_dir else ""
        raise RerankerMissing(
            f"{name} is not on this machine. Download it (HF_ENDPOINT names a mirror where the hub "
            f"cannot be reached){place}."
        )
    raise RerankerMissing(f"{name} is neither a model's name nor a folder that holds one.")


def is_hub_name(name: str) -> bool:
    """Whether ``name`` has the form ``owner/name``."""
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and all(name.split("/"))


def is_whole(folder: Path) -> bool:
    """Whether the folder has a configuration and every file of its weights."""
    if not (folder / "config.json").is_file():
        return False
    for index in ("model.safetensors.index.json", "pytorch_model.bin.index.json"):
        if (folder / index).is_file():
            parts = set(json.loads((folder / index).read_text())["weight_map"].values())
            return all((folder / part).is_file() for part in parts)
    return any((folder / file).is_file() for file in ("model.safetensors", "pytorch_model.bin"))


def download(
    name: str,
    *,
    models_dir: Path | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Path:
    """Fetch a model from the hub, or the mirror that HF_ENDPOINT names; returns its folder.

    ``on_progress`` is called as bytes arrive, ``cancelled`` asked as often. An interrupted download
    goes on where it stopped. Raises DownloadCancelled, HubUnreachable, or RerankerUnavailable with the
    reason.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError

    options: dict[str, Any] = {
        "endpoint": os.environ.get("HF_ENDPOINT") or None,
        "local_dir": str(models_dir / name) if models_dir else None,
    }
    try:
        files = list_files(name, options)
        total, done = sum(file.file_size for file in files), 0
        for file in files:
            if file.will_download:
                hf_hub_download(
                    name,
                    file.filename,
                    revision=file.commit_hash,
                    tqdm_class=meter(done, total, file.filename, on_progress, cancelled),
                    **options,
                )
            if cancelled():
                raise DownloadCancelled(name)
            done += file.file_size
            on_progress(Progress(done, total, file.filename))
    except (HfHubHTTPError, OSError, ValueError) as error:
        if not has_answered(error):
            raise HubUnreachable(f"{name} could not be downloaded: the hub cannot be reached") from error
        raise RerankerUnavailable(f"{name} could not be downloaded: {error}") from error
    return locate(name, models_dir=models_dir)


def has_answered(error: BaseException | None) -> bool:
    """Whether the hub said anything at all before ``error``; a full disk or the like counts as well."""
    from huggingface_hub.errors import (
        DryRunError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    if not isinstance(error, (DryRunError, LocalEntryNotFoundError, OfflineModeIsEnabled)):
        return True
    cause = error.__cause__
    while cause is not None:
        if isinstance(cause, HfHubHTTPError) and not isinstance(cause, LocalEntryNotFoundError):
            return True
        cause = cause.__cause__
    return False


def list_files(name: str, options: dict[str, Any]) -> list[Any]:
    """What a download would fetch, with sizes: safetensors, or PyTorch's weights where there are none."""
    from huggingface_hub import snapshot_download

    def plan(patterns: list[str]) -> list[Any]:
        files = snapshot_download(name, allow_patterns=patterns, dry_run=True, **options)
        return [file for file in files if "/" not in file.filename]

    files = plan(WANTED)
    if any(file.filename.endswith(".safetensors") for file in files):
        return files
    return plan([*WANTED, "pytorch_model*.bin"])


def meter(
    before: int,
    total: int,
    file: str,
    on_progress: Callable[[Progress], None],
    cancelled: Callable[[], bool],
) -> Any:
    """A progress-bar class for huggingface_hub that reports bytes and stops the download when asked."""
    from tqdm import tqdm

    class Meter(tqdm):
        def __init__(self, *args: Any, **options: Any):
            options.pop("name", None)  # huggingface_hub's own bar takes it
            super().__init__(*args, **{**options, "disable": False, "file": open(os.devnull, "w")})  # noqa: SIM115

        def update(self, n: float | None = 1) -> bool | None:
            if cancelled():
                raise DownloadCancelled(file)
            shown = super().update(n)
            on_progress(Progress(before + int(self.n), total, file))
            return shown

    return Meter
