"""How sentence-transformers makes one vector of a text (Reimers & Gurevych 2019, Sentence-BERT, section 3)."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer, normalizers
from torch import Tensor
from torch.nn import functional as F

# Of hidden states [token, width], and of the tokens' places from 1 [token], one vector [width]
POOLING: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cls": lambda hidden, places: hidden[0],
    "max": lambda hidden, places: hidden.amax(dim=0),
    "mean": lambda hidden, places: hidden.mean(dim=0),
    "mean_sqrt_len_tokens": lambda hidden, places: hidden.sum(dim=0) / len(hidden) ** 0.5,
    "weightedmean": lambda hidden, places: (places @ hidden) / places.sum(),
    "lasttoken": lambda hidden, places: hidden[-1],
}
SIMILARITIES: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], str]] = {  # of vectors [..., width]
    "cosine": (lambda first, second: F.cosine_similarity(first, second, dim=-1), "The cosine of their embeddings"),
    "dot": (lambda first, second: (first * second).sum(dim=-1), "The dot product of their embeddings"),
    "euclidean": (
        lambda first, second: -(first - second).norm(dim=-1),
        "The Euclidean distance of their embeddings, negative",
    ),
    "manhattan": (
        lambda first, second: -(first - second).abs().sum(dim=-1),
        "The Manhattan distance of their embeddings, negative",
    ),
}
Step = Callable[[Tensor], Tensor]  # vector [width] -> vector


@dataclass(frozen=True)
class SentenceModules:
    """What a folder of sentence-transformers does with the last hidden state.

    Args:
        modes: of pooling, whose vectors are joined.
        steps: after it, each of a vector.
        max_tokens: that are read; None: as many as the transformer reads.
        prompt: that is put before every text.
        pools_prompt: whether its tokens are pooled too.
        lower_case: whether texts are lowered first.
        similarity: of SIMILARITIES, that two vectors are compared by.
        width: of the vector, whose end is cut off; None: all of it.
        unknown: what it does that is not known here, so that there is no vector; "" where all is known.
    """

    modes: tuple[str, ...] = ("mean",)
    steps: tuple[Step, ...] = ()
    max_tokens: int | None = None
    prompt: str = ""
    pools_prompt: bool = True
    lower_case: bool = False
    similarity: str = "cosine"
    width: int | None = None
    unknown: str = ""

    def embedding(self, hidden: Tensor, num_prompt: int = 0) -> Tensor:
        """The vector of one text, of its last hidden state [token, width], on its graph.

        num_prompt is how many tokens at the beginning are of the prompt.
        """
        first = 0 if self.pools_prompt else min(num_prompt, len(hidden) - 1)
        places = torch.arange(first + 1, len(hidden) + 1, device=hidden.device, dtype=hidden.dtype)
        vector = torch.cat([POOLING[mode](hidden[first:], places) for mode in self.modes])
        for step in self.steps:
            vector = step(vector)
        return vector[: self.width]

    def compare(self, first: Tensor, second: Tensor) -> Tensor:
        """How similar two vectors [..., width] are."""
        return SIMILARITIES[self.similarity][0](first, second)

    @property
    def notes(self) -> dict[str, str]:
        """What there is to know of a recording."""
        if self.unknown:
            return {
                "input": f"This folder makes its embedding by {self.unknown}, which is not known here: none is shown."
            }
        said = {} if self.similarity == "cosine" else {"similarity": SIMILARITIES[self.similarity][1]}
        if self.prompt:
            said["input"] = (
                f"“{self.prompt:.100}”, the prompt of this model, was put before the text, as it was trained."
            )
        return said


def lower_case(tokenizer: Tokenizer) -> None:
    """Make a tokenizer lower texts before all else."""
    before = [] if tokenizer.normalizer is None else [tokenizer.normalizer]
    tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase(), *before])
