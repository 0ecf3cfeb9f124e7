"""An atlas pass, beside plain batched forward passes of transformers over the same inputs; memory; and being killed.

All read the same 2,000 sentences or 100 photos (from a seed) and run the same batches: transformers with torch's fused
attention and a mask of the padding, keeping nothing; ours recording the attention of each input; and ours with all that
an atlas wants of it. What it takes to load is left out.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import numpy as np
import torch
from PIL import Image
from torch.nn.utils.rnn import pad_sequence

from headlens.model import list_models, load_model
from headlens.model.atlas.build import Plan, build, here
from headlens.model.atlas.gather import BATCH_TOKENS, batches_of, gather, read_all, reader_of
from headlens.model.atlas.gathered import Limits
from headlens.model.atlas.items import Item, open_source
from headlens.model.base import AnyModel
from headlens.model.heap import SETTINGS, VARIABLE
from headlens.model.inputs.image import ImageInput
from headlens.model.inputs.text import TextInput
from headlens.model.pretrained.dinov2_onnx import CONFIG as DINOV2
from headlens.model.pretrained.files import locate
from headlens.model.pretrained.image_model import EncoderImageModel
from tests.benchmarks.cases import fused
from tests.benchmarks.cli import MAIN
from tests.benchmarks.measure import Row, fresh, in_turns, markdown, megabytes, say
from tests.benchmarks.memory import CLEAR, resident
from tests.model.atlas.data_sets import sentences
from tests.references import bert_from_files, dinov2_like

SENTENCES, PHOTOS, SHARD = 2_000, 100, 256
SECONDS = 15  # of turns with a shard
RECORDED_AIM, ALL_AIM = 0.9, 0.6  # × the inputs a second of transformers
FEW, MANY, GROWTH_AIM = 500, 2_000, 1.05
REPEATS = 3
KILLS = 5
Forward = Callable[[Sequence[TextInput] | Sequence[ImageInput]], object]


def rows() -> Iterator[Row]:
    """Of both kinds, of memory, and of a build that is killed again and again."""
    os.environ[VARIABLE] = SETTINGS  # as the command has it, for the processes that start from here
    yield from fresh(_rates, f"{SENTENCES:,} sentences, MiniLM", texts)
    yield from fresh(_rates, f"{PHOTOS} photos of 224 × 224, DINOv2", photos)
    if CLEAR.exists():
        yield _memory()
    yield _killed()


def texts() -> tuple[AnyModel, Forward, list[Item]]:
    """MiniLM, its forward pass by transformers, and sentences."""
    files = locate(list_models()["minilm-l6"])
    network = fused(bert_from_files(files["config.json"], files["model.safetensors"]))

    def forward(batch: Sequence[TextInput] | Sequence[ImageInput]) -> object:
        ids = pad_sequence([torch.tensor(each.ids) for each in batch if isinstance(each, TextInput)], batch_first=True)
        return network(ids, attention_mask=(ids != 0).long())

    items = [Item(number, f"text {number}", text) for number, text in enumerate(sentences(SENTENCES))]
    return reader_of(load_model("minilm-l6", device="cpu"), "texts"), forward, items


def photos() -> tuple[AnyModel, Forward, list[Item]]:
    """DINOv2, its forward pass by transformers, and photos: smooth noise, as files."""
    model = load_model("dinov2-focus", device="cpu")
    assert isinstance(model, EncoderImageModel)
    network = fused(dinov2_like(model.network, DINOV2))
    folder, chance = Path(tempfile.mkdtemp()), np.random.default_rng(0)
    for number in range(PHOTOS):
        small = Image.fromarray(chance.integers(0, 256, (16, 16, 3), dtype=np.uint8))
        small.resize((224, 224)).save(folder / f"{number}.jpg")
    items = [Item(number, f"{number}.jpg", folder / f"{number}.jpg") for number in range(PHOTOS)]

    def forward(batch: Sequence[TextInput] | Sequence[ImageInput]) -> object:
        return network(torch.cat([each.pixels for each in batch if isinstance(each, ImageInput)]))

    return model, forward, items


@torch.inference_mode()
def _rates(name: str, of: Callable[[], tuple[AnyModel, Forward, list[Item]]]) -> list[Row]:
    say(f"atlas: {name}")
    model, forward, items = of()
    size = None if isinstance(items[0].content, str) else 224
    times = Counter[str]()
    for start in range(0, len(items), SHARD):  # turns are short: what else the machine does slows all alike
        times.update(_of_shard(model, forward, items[start : start + SHARD], size))
    shares = {call: times["sdpa"] / times[call] for call in times}
    return [
        Row(
            f"atlas, {what}",
            name,
            f"{1000 * len(items) / times[call]:,.0f} inputs/s ({shares[call]:.2f} × transformers)",
            f"transformers, SDPA {1000 * len(items) / times['sdpa']:,.0f} inputs/s",
            f"{aim} × transformers",
            round(shares[call], 2) >= aim,
        )
        for what, call, aim in (("recorded", "recorded", RECORDED_AIM), ("with all statistics", "all", ALL_AIM))
    ]


def _of_shard(model: AnyModel, forward: Forward, shard: list[Item], size: int | None) -> dict[str, float]:
    """Milliseconds of each way."""

    def run(each: Callable[[list], object]) -> None:
        read, _ = read_all(model, shard, size)
        for batch in batches_of(read, BATCH_TOKENS):
            each([one for _, one in batch])

    calls = {
        "sdpa": lambda: run(forward),
        "recorded": lambda: run(model.record_attention),
        "all": lambda: gather(model, shard, Limits(), size=size),
    }
    return in_turns(calls, seconds=SECONDS, least=3)


def _memory() -> Row:
    say("atlas: memory")
    few, many = (median(fresh(peak_of, count) for _ in range(REPEATS)) for count in (FEW, MANY))
    return Row(
        "atlas, memory",
        f"{FEW} and {MANY:,} sentences, MiniLM",
        f"peak {megabytes(few)} and {megabytes(many)} ({many / few:.2f} ×)",
        aim=f"{GROWTH_AIM} ×",
        met=many <= GROWTH_AIM * few,
    )


def peak_of(count: int) -> int:
    """Bytes that the process had at most while it built an atlas of so many sentences."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "texts.txt"
        path.write_text("\n".join(sentences(count)))
        model = load_model("minilm-l6", device="cpu")
        plan = Plan(open_source(path), model.description)
        CLEAR.write_text("5")
        build(plan, here(model, plan), Path(folder) / "out")
        return resident("VmHWM")


def _killed() -> Row:
    """Killed KILLS times, each a random part of a second after more was kept."""
    say("atlas: killed")
    chance, kills = random.Random(0), 0
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "texts.txt").write_text("\n".join(sentences(SENTENCES)))
        command = [sys.executable, "-c", MAIN, "atlas", "build", "texts.txt", "--save-every", "0", "--out"]
        subprocess.run([*command, "whole"], cwd=folder, capture_output=True, check=True)
        seen = 0.0
        for _ in range(KILLS):
            process = subprocess.Popen([*command, "killed"], cwd=folder, stderr=subprocess.DEVNULL)
            _wait_for_more(Path(folder) / "killed" / "progress.safetensors", seen, process)
            time.sleep(chance.random())
            process.kill()
            kills += process.wait() != 0
            seen = time.time()
        subprocess.run([*command, "killed"], cwd=folder, capture_output=True, check=True)
        whole = {path.name: path.read_bytes() for path in (Path(folder) / "whole").iterdir()}
        same = all((Path(folder) / "killed" / name).read_bytes() == data for name, data in whole.items())
    return Row(
        "atlas, killed", f"{kills} × kill -9", "the same bytes" if same else "other bytes", aim="the same", met=same
    )


def _wait_for_more(progress: Path, seen: float, process: subprocess.Popen) -> None:
    """Until more is kept than before, or it is finished."""
    while process.poll() is None and not (progress.exists() and progress.stat().st_mtime > seen):
        time.sleep(0.01)


if __name__ == "__main__":
    print(markdown(rows()))
