"""The catalogue holds what people choose by, and stays light."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import rerank
from rerank.__main__ import main
from rerank.catalogue import CATALOGUE, on_this_machine
from rerank.recipes import CLASSES, recipe_class
from tests.rerank import checkpoints

ASKED_FOR = [
    "BAAI/bge-reranker-large",
    "BAAI/bge-reranker-base",
    "BAAI/bge-reranker-v2-m3",
    "BAAI/bge-reranker-v2-gemma",
    "BAAI/bge-reranker-v2-minicpm-layerwise",
    "hotchpotch/japanese-reranker-cross-encoder-xsmall-v1",
    "mixedbread-ai/mxbai-rerank-base-v1",
    "mixedbread-ai/mxbai-rerank-large-v1",
    "mixedbread-ai/mxbai-rerank-base-v2",
    "mixedbread-ai/mxbai-rerank-large-v2",
    "amberoad/bert-multilingual-passage-reranking-msmarco",
    "maidalun1020/bce-reranker-base_v1",
    "Qwen/Qwen3-Reranker-0.6B",
    "Qwen/Qwen3-Reranker-4B",
    "Qwen/Qwen3-Reranker-8B",
    "Alibaba-NLP/gte-reranker-modernbert-base",
    "Alibaba-NLP/gte-multilingual-reranker-base",
    "cross-encoder/ms-marco-MiniLM-L6-v2",
    "cross-encoder/ms-marco-MiniLM-L12-v2",
]


def test_every_promised_model_is_there():
    assert set(ASKED_FOR) <= set(CATALOGUE)


@pytest.mark.parametrize("spec", CATALOGUE.values(), ids=lambda spec: spec.name)
def test_a_row_is_complete(spec):
    assert CATALOGUE[spec.name] is spec
    assert spec.licence
    assert spec.commercial or "NC" in spec.licence
    assert spec.languages is None or all(re.fullmatch("[a-z]{2}", code) for code in spec.languages)
    assert 1e7 < spec.parameters < 1e10
    assert spec.disk_bytes >= spec.memory_bytes
    assert 512 <= spec.max_length <= 32768
    assert all(
        figure.metric and figure.value and figure.source.name and figure.source.url.startswith("https://")
        for figure in spec.figures
    )


@pytest.mark.parametrize("recipe", CLASSES)
def test_every_recipe_has_its_class(recipe):
    assert callable(recipe_class(recipe).score_pairs)


def test_every_recipe_has_a_model():
    assert {spec.recipe for spec in CATALOGUE.values()} == set(CLASSES)


def test_showing_the_catalogue_loads_no_torch():
    code = (
        "import sys, rerank.catalogue; print({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


def test_a_copied_folder_is_read_by_its_models_recipe(tmp_path):
    spec = CATALOGUE["maidalun1020/bce-reranker-base_v1"]
    path = checkpoints.xlm_roberta(tmp_path / spec.name)
    assert on_this_machine(spec, models_dir=tmp_path) == path
    by_name = rerank.get(spec.name, models_dir=tmp_path, dtype=torch.float32)
    by_path = rerank.get(str(path), dtype=torch.float32)
    assert type(by_name).__name__ == type(by_path).__name__ == "WindowedEncoder"
    assert by_name.threshold == spec.threshold


def test_a_model_that_is_not_here_is_said_to_be_elsewhere(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    assert on_this_machine(CATALOGUE["BAAI/bge-reranker-base"], models_dir=tmp_path) is None


def test_the_documentation_lists_every_model_and_recipe():
    documentation = (Path(__file__).parents[2] / "docs" / "rerankers.md").read_text()
    for spec in CATALOGUE.values():
        languages = ", ".join(spec.languages or ["many"])
        assert f"| `{spec.name}` | {languages} | {spec.licence} |" in documentation
    for recipe in CLASSES:
        assert f"| `{recipe}` | " in documentation


def test_the_catalogue_in_a_terminal(tmp_path, capsys, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    checkpoints.xlm_roberta(tmp_path / "BAAI" / "bge-reranker-base")
    assert main(["--models-dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith("here")] == ["BAAI/bge-reranker-base"]
    assert len(lines) == len(CATALOGUE)
