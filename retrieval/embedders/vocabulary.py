"""The Chinese half of the built-in embedder's vocabulary: words, their vectors, and one file.

`retrieval.embedders.transplant` writes the file, `Vocabulary.load` reads it.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

PATH = Path(__file__).resolve().parent.parent / "models_data" / "minilm_zh.safetensors"


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Chinese words in a model's input space.

    ``rows`` [words, dimension] are their vectors, ``ranks`` [words] their places in the
    vocabulary they come from (frequent ones first), which stand for their frequency.
    ``simplified`` maps traditional characters to simplified ones. ``shift`` [dimension] is added
    to the pooled vector of a Chinese text: the mean English vector minus the mean Chinese one,
    of parallel texts, so that the two languages share a centre.
    """

    words: tuple[str, ...]
    rows: np.ndarray
    ranks: np.ndarray
    simplified: dict[str, str]
    shift: np.ndarray

    def save(self, path: Path) -> None:
        """Write one safetensors file, half precision."""
        save_file(
            {
                "rows": self.rows.astype(np.float16),
                "ranks": self.ranks.astype(np.int32),
                "shift": self.shift.astype(np.float32),
            },
            path,
            metadata={
                "words": "\n".join(self.words),
                "traditional": "".join(self.simplified),
                "simplified": "".join(self.simplified.values()),
            },
        )

    @classmethod
    def load(cls, path: Path = PATH) -> "Vocabulary":
        """Read what `save` wrote; OSError or SafetensorError where the file is missing or damaged."""
        with safe_open(path, framework="numpy") as file:
            said = file.metadata()
            return cls(
                words=tuple(said["words"].split("\n")),
                rows=file.get_tensor("rows").astype(np.float32),
                ranks=file.get_tensor("ranks"),
                simplified=dict(zip(said["traditional"], said["simplified"], strict=True)),
                shift=file.get_tensor("shift"),
            )
