"""Encoders with two labels, "not relevant" and "relevant" (amberoad's multilingual BERT)."""

from collections.abc import Sequence

import torch

from rerank.local import Row
from rerank.recipes.encoder import Encoder


class TwoLabelEncoder(Encoder):
    """The model's probability is ``softmax(logits)[:, 1]``; as a logit that is ``l1 - l0``."""

    labels = 2

    def logits(self, rows: Sequence[Row]) -> torch.Tensor:
        outputs = self.outputs(rows)
        return outputs[:, 1] - outputs[:, 0]
