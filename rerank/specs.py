"""What is told of a reranker in the catalogue. Rows are in `rerank.catalogue`."""

from dataclasses import dataclass

from rerank.recipes import Recipe

FP32, HALF = 4, 2


def gettext_noop(sentence: str) -> str:
    """Mark a sentence for translation; whoever shows it translates it (rerank knows no Django)."""
    return sentence


@dataclass(frozen=True, slots=True)
class Source:
    """Who published a figure, and where."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A published result: ``metric`` and ``value`` as printed, and where."""

    metric: str
    value: str
    source: Source


@dataclass(frozen=True, slots=True)
class RerankerSpec:
    """One model. ``languages`` are ISO 639-1 codes, None means many; ``checkpoint_bytes`` per parameter
    on disk; ``threshold`` is the probability under which its publisher calls a passage bad."""

    name: str
    recipe: Recipe
    languages: tuple[str, ...] | None
    licence: str
    parameters: int
    checkpoint_bytes: int
    max_length: int
    commercial: bool = True
    threshold: float | None = None
    figures: tuple[Figure, ...] = ()
    note: str = ""

    @property
    def disk_bytes(self) -> int:
        """About what a download takes."""
        return self.parameters * self.checkpoint_bytes

    @property
    def memory_bytes(self) -> int:
        """About what the weights take while it runs: half precision where the machine has it."""
        return self.parameters * HALF

    @property
    def url(self) -> str:
        """The model's card."""
        return f"https://huggingface.co/{self.name}"
