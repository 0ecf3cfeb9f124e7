"""A Recording as one safetensors file: tensors by name, everything else as JSON in the metadata. Never a pickle."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from model.device import pick_device
from model.errors import RecordingError
from model.nn.attention import Heads
from model.recording import Description, Photo, Recording

FORMAT = "headlens recording 1"


def save(recording: Recording, path: Path) -> None:
    """See Recording.save."""
    tensors = {}
    for number, heads in enumerate(recording.layers):
        for name in ("query", "key", "value", "mask"):
            if (tensor := getattr(heads, name)) is not None:
                tensors[f"layers.{number}.{name}"] = tensor.detach().cpu().contiguous().clone()
    arrays = {f"outputs.{name}": array for name, array in recording.outputs.items()}
    if recording.photo is not None:
        arrays["photo"] = recording.photo.pixels
    tensors |= {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    about = {
        "layers": [{"causal": heads.causal, "scale": heads.scale} for heads in recording.layers],
        "model": {part.name: getattr(recording.model, part.name) for part in dataclasses.fields(Description)},
        "special": recording.special.tolist(),
        "notes": dict(recording.notes),
        "photo": None if recording.photo is None else {"aspect": recording.photo.aspect, "grid": recording.photo.grid},
    }
    plain = ("tokens", "words", "segments", "seconds", "device", "offsets", "texts", "prefix_tokens")
    about |= {name: getattr(recording, name) for name in plain}
    try:
        save_file(tensors, path, metadata={"format": FORMAT, "recording": json.dumps(about)})
    except (SafetensorError, OSError) as error:
        raise RecordingError(f"{path.name} could not be written ({error}); choose another folder.") from error


def load(path: Path, device: str) -> Recording:
    """See Recording.load."""
    place = pick_device(device)
    try:
        with safe_open(path, framework="pt", device=str(place)) as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise RecordingError(f"{path.name} is not a Headlens recording; Recording.save writes one.")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # safe_open is not iterable
        return _rebuild(json.loads(metadata["recording"]), tensors)
    except FileNotFoundError:
        raise RecordingError(f"There is no file {path.name} to load a recording from.") from None
    except OSError as error:
        raise RecordingError(f"{path.name} cannot be read ({error}); give a file that Recording.save wrote.") from error
    except (SafetensorError, LookupError, TypeError, ValueError) as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(f"{path.name} is damaged ({error}); save the recording again.") from error


def _rebuild(about: dict, tensors: dict[str, torch.Tensor]) -> Recording:
    layers = tuple(
        Heads(
            query=tensors[f"layers.{number}.query"],
            key=tensors[f"layers.{number}.key"],
            value=tensors[f"layers.{number}.value"],
            mask=tensors.get(f"layers.{number}.mask"),
            causal=layer["causal"],
            scale=layer["scale"],
        )
        for number, layer in enumerate(about["layers"])
    )
    photo = about["photo"]
    if photo is not None:
        photo = Photo(tensors["photo"].cpu().numpy(), photo["aspect"], (photo["grid"][0], photo["grid"][1]))
    prefix = "outputs."
    return Recording(
        layers=layers,
        tokens=tuple(about["tokens"]),
        words=tuple(about["words"]),
        special=np.array(about["special"], dtype=bool),
        segments=tuple(about["segments"]),
        model=Description(**about["model"]),
        seconds=about["seconds"],
        device=about["device"],
        offsets=tuple(None if span is None else (span[0], span[1]) for span in about["offsets"]),
        texts=tuple(about["texts"]),
        prefix_tokens=about["prefix_tokens"],
        photo=photo,
        outputs={name[len(prefix) :]: t.cpu().numpy() for name, t in tensors.items() if name.startswith(prefix)},
        notes=about["notes"],
    )
