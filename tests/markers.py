"""The markers browser, load and slow, set in one place; pyproject.toml makes this a plugin of pytest."""

from collections.abc import Iterator

import pytest

from tests.paths import ROOT

TESTS = ROOT / "tests"
PLACES = {
    "browser": (TESTS / "browser",),
    "load": (TESTS / "load",),
    "slow": (  # folders and files whose tests take seconds, or are many that load a model each
        TESTS / "model" / "atlas" / "test_build.py",
        TESTS / "model" / "atlas" / "test_cluster.py",
        TESTS / "model" / "atlas" / "test_gather.py",
        TESTS / "model" / "atlas" / "test_joint_map.py",
        TESTS / "model" / "atlas" / "test_neighbours.py",
        TESTS / "model" / "atlas" / "test_s3.py",
        TESTS / "model" / "atlas" / "test_shipped.py",
        TESTS / "model" / "effects",
        TESTS / "model" / "huggingface" / "captions",
        TESTS / "model" / "huggingface" / "load" / "test_adapter.py",
        TESTS / "model" / "huggingface" / "multimodal",
        TESTS / "model" / "huggingface" / "sound",
        TESTS / "model" / "huggingface" / "text",
        TESTS / "model" / "huggingface" / "vision",
        TESTS / "model" / "inputs" / "test_fuzz.py",
        TESTS / "model" / "pretrained",
        TESTS / "model" / "recording" / "test_fuzz.py",
        TESTS / "model" / "recording" / "test_pooled.py",
        TESTS / "model" / "runtime" / "test_opening.py",
        TESTS / "model" / "runtime" / "test_runtime.py",
        TESTS / "model" / "trace",
        TESTS / "model" / "test_batch.py",
        TESTS / "model" / "test_device.py",
        TESTS / "model" / "test_load.py",
        TESTS / "model" / "test_record_attention.py",
        TESTS / "viz" / "cli" / "test_atlas.py",
        TESTS / "viz" / "cli" / "test_effects.py",
        TESTS / "viz" / "cli" / "test_models.py",
        TESTS / "viz" / "cli" / "test_record.py",
        TESTS / "viz" / "export" / "test_figures.py",
        TESTS / "viz" / "inputs",
        TESTS / "viz" / "notebook",
        TESTS / "viz" / "pages",
    ),
}
SLOW_FIXTURES = {"smollm2"}


def markers_of(item: pytest.Item) -> Iterator[str]:
    """The markers of a test, by where it is and what it needs."""
    for marker, places in PLACES.items():
        if not {item.path, *item.path.parents}.isdisjoint(places):
            yield marker
    if SLOW_FIXTURES & set(getattr(item, "fixturenames", ())):
        yield "slow"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before any test is deselected by its markers."""
    for item in items:
        for marker in markers_of(item):
            item.add_marker(marker)
