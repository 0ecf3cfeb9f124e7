"""The command `headlens`: many sentences recorded, beside a plain loop of transformers over them; how soon it starts.

The loop reads each sentence and runs it by itself, by torch's fused attention, and keeps nothing; what it takes to
import and load is left out. `headlens record` is the whole process, from its start to the last file on the disk: it
runs sentences of one length together, which changes no number.
"""

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from tokenizers import Tokenizer

from headlens.model import list_models
from headlens.model.pretrained.files import locate
from tests.benchmarks.cases import fused
from tests.benchmarks.measure import Row, markdown, milliseconds, say
from tests.references import bert_from_files

SENTENCES = 1_000
ROUNDS, STARTS = 3, 10
RECORD_AIM = 1.1  # × the loop
HELP_AIM, IMPORT_AIM = 400, 200  # milliseconds
MAIN = "from headlens.viz.cli import main; main()"
WORDS = {
    "adjective": "small brown tired enormous quiet broken golden",
    "noun": "cat dog horse trophy suitcase river mountain engineer doctor teacher lawyer painter violin garden window",
    "verb": "saw carried found painted followed admired lost",
}


def sentences() -> list[str]:
    """Of 8 to 35 tokens."""
    pick, words = random.Random(0), {kind: text.split() for kind, text in WORDS.items()}

    def clause() -> str:
        one, other = pick.sample(words["noun"], 2)
        return f"the {pick.choice(words['adjective'])} {one} {pick.choice(words['verb'])} the {other}"

    return [" because ".join(clause() for _ in range(pick.randint(1, 4))) + "." for _ in range(SENTENCES)]


def milliseconds_of(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


def python(code: str, *arguments: object) -> None:
    """Run a line of Python in a process of its own."""
    subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, check=True)


@torch.inference_mode()
def record_row() -> Row:
    """`headlens record`, in turns with the loop."""
    texts = sentences()
    files = locate(list_models()["minilm-l6"])
    network = fused(bert_from_files(files["config.json"], files["model.safetensors"]))
    tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
    tokenizer.no_padding()
    tokenizer.no_truncation()

    def loop() -> None:
        for text in texts:
            network(torch.tensor([tokenizer.encode(text).ids]))

    ours, plain = [], []
    with tempfile.TemporaryDirectory() as folder:
        file, out = Path(folder, "texts.txt"), Path(folder, "out")
        file.write_text("\n".join(texts))
        arguments = ("record", f"@{file}", "--model", "minilm-l6", "--device", "cpu", "--out", out)
        for _ in range(ROUNDS):
            plain.append(milliseconds_of(loop))
            ours.append(milliseconds_of(lambda: python(MAIN, *arguments)))
        assert len(list(out.iterdir())) == SENTENCES
    ratio = statistics.median(one / other for one, other in zip(ours, plain))
    return Row(
        "`headlens record`, the whole process",
        f"{SENTENCES:,} sentences",
        f"{milliseconds(statistics.median(ours))} ({ratio:.2f} × the loop)",
        f"a loop of transformers: {milliseconds(statistics.median(plain))}",
        f"{RECORD_AIM} × the loop",
        ratio <= RECORD_AIM,
    )


def start_row(what: str, code: str, *arguments: str, aim: int) -> Row:
    """A short process, from its start to its end."""
    times = [milliseconds_of(lambda: python(code, *arguments)) for _ in range(STARTS)]
    median = statistics.median(times)
    return Row(what, "–", milliseconds(median), aim=milliseconds(aim), met=median <= aim)


def rows() -> Iterator[Row]:
    say("cli: starts")
    yield start_row("`headlens --help`", MAIN, "--help", aim=HELP_AIM)
    yield start_row("`import headlens.model`, the whole process", "import headlens.model", aim=IMPORT_AIM)
    say(f"cli: {SENTENCES:,} sentences")
    yield record_row()


if __name__ == "__main__":
    print(markdown(rows()))
