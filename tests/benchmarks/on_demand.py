"""How long weights take when they are asked for, from random queries and keys of 12 layers x 12 heads x 64.

"one head" is what the page draws as a matrix: all its weights, or above 2,048 tokens pooled to 512 x 512 cells. "one
query" is what one token looks at in each of the 144 heads; "thumbnails" are the whole head grid.
"""

from collections.abc import Callable, Iterator
from functools import partial

from tests.benchmarks.measure import Row, in_turns, milliseconds, say, table
from tests.recordings import random_recording
from viz.components.payload import all_heads, text_tiles

TOKENS = (128, 512, 2_048, 8_192, 16_384)
WHOLE = 2_048  # tokens up to which a head is shown weight by weight
LAST, AIM = 16_384, 1_500  # milliseconds for one head of the longest


def rows() -> Iterator[Row]:
    for num_tokens in TOKENS:
        say(f"on demand: {num_tokens:,} tokens")
        recording = random_recording(num_layers=12, num_heads=12, num_tokens=num_tokens, d_head=64)
        whole = num_tokens <= WHOLE
        quick: dict[str, Callable[[], object]] = {
            "head": partial(recording.attention if whole else recording.pooled, 5, 3),
            "query": partial(all_heads, recording, "at", num_tokens // 2),
        }
        times = in_turns(quick, seconds=5)
        tiles = partial(text_tiles.__wrapped__, "", recording)  # type: ignore[attr-defined]  # without its cache
        times |= in_turns({"tiles": tiles}, seconds=5, least=1)
        yield Row(
            "one head; one query in all heads; all thumbnails",
            f"{num_tokens:,} tokens",
            "; ".join(milliseconds(times[name]) for name in ("head", "query", "tiles")),
            aim="–" if num_tokens < LAST else f"one head {milliseconds(AIM)}",
            met=num_tokens < LAST or times["head"] <= AIM,
        )


if __name__ == "__main__":
    print(table(rows()))
