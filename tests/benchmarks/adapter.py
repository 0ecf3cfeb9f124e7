"""How long recording through the adapter for transformers takes, beside the same model plain; random weights."""

import copy
from collections.abc import Iterator
from typing import Any

import torch
import transformers

from headlens.model.huggingface.record.interface import NAME
from headlens.model.huggingface.record.recorder import Recorder
from tests.benchmarks.cases import Calls, fused
from tests.benchmarks.measure import Row, fresh, in_turns, markdown, say
from tests.benchmarks.recording import SECONDS, row_of

AIM = 1.03


def calls(network: Any, **inputs: Any) -> Calls:
    """Three copies of the network with the same weights: recorded, plain, and returning its attention weights."""
    ours, plain, eager = (copy.deepcopy(network).eval() for _ in range(3))
    ours.set_attn_implementation(NAME)
    eager.set_attn_implementation("eager")
    recorder, plain = Recorder(ours, "interface"), fused(plain)
    return {
        "ours": lambda: recorder.run(inputs),
        "sdpa": lambda: plain(**inputs),
        "eager": lambda: eager(**inputs, output_attentions=True),
    }


def text(kind: str, num_tokens: int) -> Calls:
    """BERT-base, or a Llama with as many layers and heads and the same width."""
    torch.manual_seed(0)
    ids = torch.randint(0, 1000, (1, num_tokens))
    shape = {"vocab_size": 1000, "num_hidden_layers": 12, "num_attention_heads": 12, "hidden_size": 768}
    shape |= {"intermediate_size": 3072, "max_position_embeddings": num_tokens}
    if kind == "BERT":
        return calls(transformers.BertModel(transformers.BertConfig(**shape)), input_ids=ids)
    llama = transformers.LlamaModel(transformers.LlamaConfig(**shape, num_key_value_heads=4))
    return calls(llama, input_ids=ids, use_cache=False)


def vit(size: int) -> Calls:
    """ViT-B/16."""
    torch.manual_seed(0)
    network = transformers.ViTModel(transformers.ViTConfig(image_size=size))
    return calls(network, pixel_values=torch.randn(1, 3, size, size))


CASES = {
    "BERT-base, 512 tokens": lambda: text("BERT", 512),
    "BERT-base, 2,048 tokens": lambda: text("BERT", 2_048),
    "ViT-B/16, 197 tokens": lambda: vit(224),
    "ViT-B/16, 1,025 tokens": lambda: vit(512),
    "Llama 12 × 12 × 64, 512 tokens": lambda: text("Llama", 512),
    "Llama 12 × 12 × 64, 2,048 tokens": lambda: text("Llama", 2_048),
}


@torch.inference_mode()
def times_of(name: str) -> dict[str, float]:
    """Median milliseconds of recorded, plain and eager."""
    timed = CASES[name]()
    alone = {"eager": timed.pop("eager")}  # what it frees, gigabytes, would be paid for by whoever comes next
    return in_turns(timed, 2 * SECONDS) | in_turns(alone, SECONDS / 4)


def rows() -> Iterator[Row]:
    for name in CASES:
        say(f"adapter: {name}")
        times = fresh(times_of, name)  # the memory that another case has left decides how new pages are found
        to_eager = f", {times['ours'] / times['eager']:.2f} × eager"
        yield row_of("record, through the adapter", name, times, ratios=to_eager, aim=AIM)


if __name__ == "__main__":
    print(markdown(rows()))
