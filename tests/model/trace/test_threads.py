"""One network, several visitors: what one takes apart changes nothing in another's run."""

import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from torch import nn

from tests.model.trace.models import TEXT, ModelOf, recorded

OTHER = "A head looks at the words that it needs."


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def hooks(network: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in network.modules())


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("family", ["GPT-2", "BLOOM", "BERT"])
def test_at_once_and_one_after_another(family: str, model_of: ModelOf) -> None:
    model, _ = model_of(family)
    (one, first), (two, second) = (recorded(model, text) for text in (TEXT, OTHER))
    before = hooks(model.network)  # transformers leaves some of its own, from the first run on
    residuals = one.residual_stream().stream, two.residual_stream().stream
    found: dict[str, list[bool]] = {"residuals": [], "runs": [], "records": []}
    failed: list[BaseException] = []

    def again(name: str, check: Callable[[], bool]) -> None:
        try:
            for _ in range(12):
                found[name].append(check())
        except BaseException as error:
            failed.append(error)

    order = np.arange(second.num_tokens)
    moved = two.run_reordered(1, order, positions=True).out
    checks: dict[str, Callable[[], bool]] = {
        "residuals": lambda: bool((one.residual_stream().stream == residuals[0]).all()),
        "runs": lambda: bool((two.run_reordered(1, order, positions=True).out == moved).all()),
        "records": lambda: np.array_equal(model.record(TEXT).attention(1), first.attention(1)),
    }
    threads = [threading.Thread(target=again, args=each) for each in checks.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert found == dict.fromkeys(checks, [True] * 12)
    assert hooks(model.network) == before
