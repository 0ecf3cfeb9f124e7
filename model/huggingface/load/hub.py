"""Checkpoints of the Hugging Face Hub: downloaded into its own cache, whole or not at all."""

from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)
from tqdm.auto import tqdm

from headlens.model.errors import CheckpointError
from headlens.model.progress import OnBytes

SMALL = ("*.json", "*.txt", "*.model", "*.jinja", "README.md")  # the configuration and the tokenizer
WEIGHTS = ("*.safetensors", "*.safetensors.index.json")


def download(name: str, on_bytes: OnBytes | None = None, weights: bool = True) -> Path:
    """The folder of a checkpoint in the Hub's cache, downloaded where it is not there; never a pickle, never code.

    Args:
        name: "organisation/name".
        on_bytes: told how far it is; what it raises stops the download. What is incomplete is not used later, but
            continued.
        weights: also the safetensors; without them only the configuration and the tokenizer.

    Raises CheckpointError where it is not there, gated, or there is no network.
    """
    try:
        return Path(
            snapshot_download(
                name,
                allow_patterns=[*SMALL, *WEIGHTS] if weights else [*SMALL],
                tqdm_class=_reporting_bar(on_bytes),
            )
        )
    except GatedRepoError as error:
        raise CheckpointError(
            f"{name} is gated: accept its terms on huggingface.co, and put your token into the variable HF_TOKEN."
        ) from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(f"There is no model {name} on the Hugging Face Hub, or it is private.") from error
    except HFValidationError as error:
        raise CheckpointError(f"{name!r:.100} is no id of the Hugging Face Hub; write organisation/name.") from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise CheckpointError(
            f"{name} could not be downloaded: the Hugging Face Hub cannot be reached from here; folders and the models "
            "in the box still work."
        ) from error


def _reporting_bar(on_bytes: OnBytes | None) -> type[tqdm]:
    """A progress bar that draws nothing, and tells bytes."""

    class ReportingBar(tqdm):
        def __init__(self, *values: object, **options: Any) -> None:
            options.pop("name", None)
            super().__init__(*values, **options | {"disable": False, "file": _Nowhere(), "mininterval": 0.0})

        def update(self, n: float | None = 1) -> bool | None:
            drawn: bool | None = super().update(n)
            if on_bytes is not None and self.unit == "B":
                on_bytes(int(self.n), int(self.total or 0))
            return drawn

    return ReportingBar


class _Nowhere:
    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """There is nothing to flush."""
