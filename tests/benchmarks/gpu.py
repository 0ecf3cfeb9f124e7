"""On an NVIDIA GPU: recording beside transformers' fused and eager forward passes, and one head on demand.

A ViT-B/16 of random weights (with DINOv2's layer scale on both sides), one image, the same weights and pixels for all.
The forward passes are what cases.py says: ours keeps every layer's queries, keys and values. Times are until the GPU is
done; memory is the most that torch had allocated beyond weights and pixels. Eager runs only up to 2,048 tokens.
"""

import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from headlens.model.attention.inputs import AttentionInputs
from headlens.model.nn.encoder import EncoderConfig
from headlens.model.nn.vit import VisionConfig, VisionTransformer
from headlens.model.recording.recording import Recording
from tests.benchmarks.cases import fused
from tests.benchmarks.measure import Row, in_turns, markdown, megabytes, milliseconds, say
from tests.recordings import DESCRIPTION
from tests.references import dinov2_like

VIT_B = VisionConfig(
    EncoderConfig(12, 12, 768, 3072, norm_eps=1e-6, pre_norm=True, layer_scale=True), patch=16, position_grid=(14, 14)
)
SIDES = (45, 64)  # patches: 2,026 and 4,097 tokens
EAGER = 2_048  # tokens up to which it runs
SECONDS = 10  # of each comparison
AIM = 1.05


def rows() -> Iterator[Row]:
    if not torch.cuda.is_available():
        say("gpu: skipped, this machine has no CUDA GPU")
        return
    for dtype in (torch.float32, torch.bfloat16):
        for side in SIDES:
            yield from compare(VIT_B, side, "cuda", dtype)


@torch.inference_mode()
def compare(config: VisionConfig, side: int, device: str, dtype: torch.dtype) -> Iterator[Row]:
    """The rows of one image of side x side patches."""
    num_tokens = 1 + side**2
    of = f"ViT-B/16, {num_tokens:,} tokens, {str(dtype).removeprefix('torch.')}"
    say(f"gpu: {of}")
    torch.manual_seed(0)
    network = VisionTransformer(config).to(device, dtype).eval()
    pixels = torch.randn(1, 3, config.patch * side, config.patch * side).to(device, dtype)
    sdpa, eager = fused(dinov2_like(network, config)), dinov2_like(network, config)
    calls: dict[str, Callable[[], Any]] = {"ours": partial(network, pixels), "sdpa": partial(sdpa, pixels)}
    if num_tokens <= EAGER:
        calls["eager"] = partial(eager, pixels, output_attentions=True)
    times = in_turns({name: synchronized(call) for name, call in calls.items()}, SECONDS)
    peaks = {name: megabytes(peak(call)) for name, call in calls.items()}
    figures = {name: f"{milliseconds(times[name])}, peak {peaks[name]}" for name in calls}
    ratio = times["ours"] / times["sdpa"]
    beside = "; ".join(
        f"{title} {figures[name]}" for name, title in (("sdpa", "SDPA"), ("eager", "eager")) if name in figures
    )
    yield Row("record", of, f"{figures['ours']} ({ratio:.2f} × SDPA)", beside, f"{AIM} × SDPA", ratio <= AIM)

    recording = recording_of(network(pixels)[1], side, device)
    views = in_turns({"whole": lambda: recording.attention(5, 3), "pooled": lambda: recording.pooled(5, 3)}, seconds=2)
    yield Row("one head, as numpy", of, f"{milliseconds(views['whole'])}; pooled {milliseconds(views['pooled'])}")


def synchronized(call: Callable[[], Any]) -> Callable[[], Any]:
    """The call, and the wait until the GPU is done with it."""

    def run() -> Any:
        result = call()
        torch.cuda.synchronize()
        return result

    return run


def peak(call: Callable[[], Any]) -> int:
    """The most bytes that a call has allocated at once, its result included."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    call()
    return torch.cuda.max_memory_allocated() - before


def recording_of(layers: tuple[AttentionInputs, ...], side: int, device: str) -> Recording:
    """What the page would hold of one image."""
    num_tokens = 1 + side**2
    return Recording(
        layers=tuple(
            AttentionInputs(each.query[0], each.key[0], each.value[0], None, each.causal, each.scale) for each in layers
        ),
        tokens=tuple(map(str, range(num_tokens))),
        words=(None,) * num_tokens,
        special=np.arange(num_tokens) < 1,
        segments=(0,) * num_tokens,
        model=DESCRIPTION,
        seconds=math.nan,
        device=device,
        prefix_tokens=1,
    )


if __name__ == "__main__":
    print(markdown(rows()))
