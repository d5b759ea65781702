"""How each family of rerankers is read: one module per family.

To add one: a module here, a line below, a row in ``rerank.catalogue``, a parity test.
"""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:  # the catalogue reads this module, and must not load torch
    from rerank.local import LocalReranker

Recipe = Literal["encoder", "two_label", "windows", "gte", "yes_logit", "layerwise", "qwen3", "mxbai_v2"]
CLASSES: dict[Recipe, str] = {
    "encoder": "Encoder",
    "two_label": "TwoLabelEncoder",
    "windows": "WindowedEncoder",
    "gte": "GteEncoder",
    "yes_logit": "YesLogit",
    "layerwise": "Layerwise",
    "qwen3": "Qwen3",
    "mxbai_v2": "MxbaiV2",
}
DECODERS: frozenset[Recipe] = frozenset({"yes_logit", "layerwise", "qwen3", "mxbai_v2"})


def recipe_class(recipe: Recipe) -> "Callable[..., LocalReranker]":
    """The class that reads models of this recipe; its module is imported only now."""
    return getattr(import_module(f"rerank.recipes.{recipe}"), CLASSES[recipe])
