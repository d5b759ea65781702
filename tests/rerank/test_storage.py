"""Models on disk, and downloads from a hub on loopback."""

import json

import pytest
import torch

import rerank
from rerank import storage
from rerank.base import HubUnreachable, RerankerMissing, RerankerUnavailable
from rerank.storage import DownloadCancelled, Progress
from tests.rerank import checkpoints
from tests.rerank.hub import Hub

NAME = "somebody/reranker"


@pytest.fixture(autouse=True)
def own_hub_cache(monkeypatch, tmp_path):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    folder = checkpoints.bert(tmp_path / "published")
    (folder / "pytorch_model.bin").write_bytes(b"the same weights again")
    (folder / "modeling.py").write_text("raise SystemExit")
    hub = Hub(NAME, folder)
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    yield hub
    hub.close()


def test_a_download_reports_progress_and_can_be_used(hub, tmp_path):
    seen: list[Progress] = []
    folder = storage.download(NAME, models_dir=tmp_path / "models", on_progress=seen.append)
    assert folder == tmp_path / "models" / NAME
    assert storage.find(NAME, models_dir=tmp_path / "models") == folder
    total = sum((hub.folder / path.name).stat().st_size for path in folder.iterdir() if path.is_file())
    assert seen[-1] == Progress(total, total, seen[-1].file)
    assert [row.done for row in seen] == sorted(row.done for row in seen)
    reranker = rerank.get(NAME, models_dir=tmp_path / "models", dtype=torch.float32)
    assert len(reranker.score("fire", checkpoints.TEXTS)) == len(checkpoints.TEXTS)


def test_neither_code_nor_weights_twice_are_fetched(hub, tmp_path):
    folder = storage.download(NAME, models_dir=tmp_path / "models")
    assert not (folder / "modeling.py").exists()
    assert not (folder / "pytorch_model.bin").exists()


def test_a_download_can_be_cancelled_and_goes_on_later(hub, tmp_path):
    seen: list[Progress] = []
    with pytest.raises(DownloadCancelled):
        storage.download(
            NAME, models_dir=tmp_path / "models", on_progress=seen.append, cancelled=lambda: len(seen) > 0
        )
    assert storage.find(NAME, models_dir=tmp_path / "models") is None
    assert storage.download(NAME, models_dir=tmp_path / "models")


def test_a_second_download_fetches_nothing_again(hub, tmp_path):
    storage.download(NAME, models_dir=tmp_path / "models")
    hub.requests.clear()
    seen: list[Progress] = []
    storage.download(NAME, models_dir=tmp_path / "models", on_progress=seen.append)
    assert seen[-1].done == seen[-1].total


def test_offline_says_what_to_do(tmp_path):
    with pytest.raises(RerankerMissing, match="HF_ENDPOINT") as caught:
        rerank.get("BAAI/bge-reranker-base", models_dir=tmp_path / "models")
    assert str(tmp_path / "models" / "BAAI/bge-reranker-base") in str(caught.value)


def test_a_hub_that_cannot_be_reached_is_a_clear_error(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RerankerUnavailable, match="could not be downloaded"):
        storage.download(NAME, models_dir=tmp_path / "models")


def test_an_unknown_model_is_a_clear_error(hub, tmp_path):
    with pytest.raises(RerankerUnavailable, match="could not be downloaded"):
        storage.download("somebody/else", models_dir=tmp_path / "models")


def test_nonsense_is_no_name(tmp_path):
    with pytest.raises(RerankerMissing, match="neither"):
        rerank.get("no such thing", models_dir=tmp_path)
    with pytest.raises(RerankerMissing, match="neither"):
        rerank.get(str(tmp_path / "nowhere" / "at" / "all"))


def test_a_folder_with_a_part_missing_is_not_whole(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    assert not storage.is_whole(folder)
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model-1.safetensors").touch()
    assert not storage.is_whole(folder)
    (folder / "model-2.safetensors").touch()
    assert storage.is_whole(folder)


def test_no_hub_is_told_from_a_hub_that_refuses(hub, monkeypatch, tmp_path):
    with pytest.raises(RerankerUnavailable) as refused:
        storage.download("somebody/else", models_dir=tmp_path / "models")
    assert not isinstance(refused.value, HubUnreachable)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubUnreachable):
        storage.download(NAME, models_dir=tmp_path / "models")
