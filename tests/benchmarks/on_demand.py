"""How long weights take on demand, from random queries and keys of 12 layers x 12 heads x 64.

"one head" is what the page draws as a matrix: all its weights, or above 1,024 tokens all of them pooled to at most
512 x 512 cells. "one query" is what one token looks at in each of the 144 heads. "thumbnails" are the whole head grid,
above 2,048 tokens by a sample of the queries.
"""

from collections.abc import Callable, Iterator
from functools import partial

from headlens.model.recording.recording import Recording
from headlens.model.runtime.recordings import RecordingEntry
from headlens.viz.view.derived import LARGEST_DRAWN, all_heads, text_tiles
from tests.benchmarks.measure import Row, in_turns, markdown, milliseconds, say
from tests.recordings import random_recording

TOKENS = (128, 512, 2_048, 8_192, 16_384)
LAST, AIM = 16_384, 1_500  # milliseconds for one head of the longest


def rows() -> Iterator[Row]:
    for num_tokens in TOKENS:
        say(f"on demand: {num_tokens:,} tokens")
        recording = random_recording(num_layers=12, num_heads=12, num_tokens=num_tokens, d_head=64)
        whole = num_tokens <= LARGEST_DRAWN
        quick: dict[str, Callable[[], object]] = {
            "one head": partial(recording.attention if whole else recording.pooled, 5, 3),
            "one query": partial(all_heads, recording, "at", [num_tokens // 2]),
        }
        times = in_turns(quick, seconds=5)
        times |= in_turns({"thumbnails": partial(thumbnails, recording)}, seconds=5, least=3)
        yield Row(
            "weights on demand",
            f"{num_tokens:,} tokens",
            "; ".join(f"{name} {milliseconds(time)}" for name, time in times.items()),
            aim="–" if num_tokens < LAST else f"one head {milliseconds(AIM)}",
            met=num_tokens < LAST or times["one head"] <= AIM,
        )


def thumbnails(recording: Recording) -> object:
    """All of them, anew."""
    return text_tiles(RecordingEntry("", recording))


if __name__ == "__main__":
    print(markdown(rows()))
