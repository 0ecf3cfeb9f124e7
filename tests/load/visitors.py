"""Does each of many visitors see only their own, and must a light one wait? `python -m tests.load.visitors`"""

import re
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from headlens.viz.inputs.samples import TEXTS
from tests.browser.serve import start
from tests.load.inputs import is_photo, is_string, marker, photo, text
from tests.load.visitor import Visitor
from tests.viz.explorer.payloads import Payload, unpack

VISITORS = 20
SIZES = 448, 672  # of the photos' short sides, by turns
PAUSE = 0.1  # seconds between two clicks of the light visitor
WAIT = 1.0  # seconds that the light visitor waits at most, at the median
PICTURE = re.compile(rb"/media/\w+\.\w+")


@dataclass
class Heavy:
    """A visitor with a text and a photo of their own, and all that has reached them."""

    number: int
    raw: list[bytes] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # from the upload to the picture
    waited: bool = False  # and the page said so

    def visit(self, url: str, size: int) -> None:
        """Look at both pages, and at some heads of what is on them."""
        with Visitor(url, query=urlencode({"text": text(self.number)}), on_payload=self.raw.append) as visitor:
            visitor.look()
            visitor.pin(layer=self.number % 6, head=self.number % 12)
            visitor.see()
        with Visitor(url, "image", f"size={size}", on_payload=self.raw.append) as visitor:
            visitor.look()
            visitor.upload(photo(self.number, size))
            seen = visitor.see()
            self.seconds.append(seen.seconds)
            self.waited = any(each.startswith("Waiting") for each in seen.progress)
            visitor.want_more(seen.payload.header["id"])
            visitor.see()
            visitor.pin(layer=self.number % 12, head=self.number % 6)
            visitor.see()

    def explorers(self) -> list[Payload]:
        """All that this visitor's explorers were sent."""
        elements = [ForwardMsg.FromString(each).delta.new_element for each in self.raw]
        return [unpack(each.bidi_component.bytes) for each in elements if each.WhichOneof("type") == "bidi_component"]

    def pictures(self) -> set[bytes]:
        """The addresses of the saliency maps that this visitor was shown."""
        return set().union(*(PICTURE.findall(each) for each in self.raw))

    def faults(self, others: list["Heavy"], samples: "Heavy") -> list[str]:
        """What has reached this visitor although it is neither theirs nor what a page starts with, in words."""
        photos = {each.arrays["photo"].tobytes() for each in samples.explorers() if "photo" in each.arrays}
        own = [payload for payload in self.explorers() if not _is_sample(payload, photos)]
        texts = [is_string(payload, text(self.number)) for payload in own if "photo" not in payload.arrays]
        pictures = [is_photo(payload, self.number) for payload in own if "photo" in payload.arrays]
        faults = []
        if len(texts) != 2 or len(pictures) != 3:
            faults.append(f"{self.number} was shown {len(texts)} texts and {len(pictures)} photos, not 2 and 3")
        if not all(texts + pictures):
            faults.append(f"{self.number} was shown another's text or photo")
        for other in (each for each in others if each.number != self.number):
            if any(marker(other.number).encode() in each for each in self.raw):
                faults.append(f"{self.number} was told a word of {other.number}")
            if self.pictures() & other.pictures() - samples.pictures():
                faults.append(f"{self.number} was shown a saliency map of {other.number}")
        return faults


def _is_sample(payload: Payload, photos: set[bytes]) -> bool:
    if "photo" in payload.arrays:
        return payload.arrays["photo"].tobytes() in photos
    return is_string(payload, TEXTS["Trophy"].texts[0])


@dataclass
class Load:
    """The outcome."""

    heavy: list[Heavy]
    samples: Heavy  # one who looked at nothing else
    light: list[float]  # seconds that each click of the light visitor took while the others were there
    faults: list[str]
    seconds: float


def load(url: str, visitors: int, sizes: tuple[int, ...] = SIZES) -> Load:
    """Let so many heavy visitors come at once while a light one, who already has a picture, looks at its heads."""
    samples = Heavy(0)
    for size in sizes:
        with Visitor(url, "image", f"size={size}", on_payload=samples.raw.append) as first:
            first.look()
    heavy = [Heavy(number) for number in range(1, visitors + 1)]
    clicks: list[float] = []
    with Visitor(url, "image", f"size={sizes[0]}") as light, ThreadPoolExecutor(visitors) as threads:
        light.look()
        light.upload(photo(visitors + 1))
        light.see()
        started = time.perf_counter()
        visits = [threads.submit(each.visit, url, sizes[each.number % len(sizes)]) for each in heavy]
        while not all(visit.done() for visit in visits):
            light.pin(layer=len(clicks) % 12, head=len(clicks) % 6)
            seen = light.see()
            clicks.append(seen.seconds)
            assert is_photo(seen.payload, visitors + 1)
            time.sleep(PAUSE)
        for visit in visits:
            visit.result()
    seconds = time.perf_counter() - started
    return Load(heavy, samples, clicks, [fault for each in heavy for fault in each.faults(heavy, samples)], seconds)


def main() -> int:
    """Print the table; 1 where somebody has seen what is another's, or the light visitor has waited too long."""
    with tempfile.TemporaryDirectory() as folder, start(Path(folder) / "log") as server:
        outcome = load(server.url, VISITORS)
    pictures = [seconds for each in outcome.heavy for seconds in each.seconds]
    click, waited = statistics.median(outcome.light), sum(each.waited for each in outcome.heavy)
    sizes = " or ".join(map(str, SIZES))
    print(f"| {VISITORS} visitors in {outcome.seconds:.0f} s | median | longest |\n| --- | --- | --- |")
    print(f"| a photo of {sizes} pixels | {statistics.median(pictures):.1f} s | {max(pictures):.1f} s |")
    print(f"| meanwhile a click of another | {1000 * click:.0f} ms | {1000 * max(outcome.light):.0f} ms |")
    print(f"\n{waited} were told how many are before them; {len(outcome.faults)} have seen what is another's.")
    print("\n".join(outcome.faults))
    return int(bool(outcome.faults) or click > WAIT)


if __name__ == "__main__":
    sys.exit(main())
