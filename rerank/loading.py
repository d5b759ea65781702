"""From a name or a folder to a reranker that is ready to score."""

from pathlib import Path
from typing import Any

import torch

from rerank.base import Platt, RerankerUnusable
from rerank.catalogue import CATALOGUE
from rerank.checkpoints import load_config, read_config
from rerank.inference import choose_placement, limit_threads
from rerank.local import LocalReranker
from rerank.recipes import DECODERS, Recipe, recipe_class
from rerank.specs import RerankerSpec
from rerank.storage import locate


def load(
    name_or_path: str,
    *,
    models_dir: Path | None = None,
    threads: int = 0,
    recipe: Recipe | None = None,
    device: str | None = None,
    dtype: torch.dtype | None = None,
    **options: Any,
) -> LocalReranker:
    """Read the files and build the recipe. See `rerank.get`, which does it once."""
    path = locate(name_or_path, models_dir=models_dir)
    spec = spec_of(name_or_path)
    recipe = recipe or (spec.recipe if spec else recipe_of(path))
    if spec and recipe == spec.recipe:
        options = {
            "max_length": spec.max_length,
            "calibration": Platt(),
            "threshold": spec.threshold,
            **options,
        }
    limit_threads(threads)
    placement = choose_placement(device=device, dtype=dtype, decoder=recipe in DECODERS)
    return recipe_class(recipe)(name=name_or_path, path=path, placement=placement, **options)


def spec_of(name_or_path: str) -> RerankerSpec | None:
    """The catalogue's row for a name, or for a folder that is called as the model is."""
    if spec := CATALOGUE.get(name_or_path):
        return spec
    folder = Path(name_or_path).name
    return next((spec for name, spec in CATALOGUE.items() if name.split("/")[1] == folder), None)


def recipe_of(path: Path) -> Recipe:
    """The recipe of a model that is in no catalogue: only a classifier with one label tells its own."""
    if read_config(path).get("architectures") == ["NewForSequenceClassification"]:
        return "gte"
    config = load_config(path)
    classifier = any("SequenceClassification" in name for name in config.architectures or [])
    if classifier and config.num_labels == 1:
        return "encoder"
    labels = f"a classifier with {config.num_labels} labels" if classifier else "no classifier"
    raise RerankerUnusable(
        f"{path.name} is {labels}: how it scores cannot be told from its files. "
        "Only classifiers with one label can be used without an entry in the catalogue."
    )
