"""The script that makes a recording again, and says whether it is the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headlens.model import __version__
from headlens.model.recording.recording import Recording

SCRIPT = '''"""Makes the recording beside this file again, and says whether the arrays are equal (with other
threads, or on another machine, they may be so up to rounding).

Run it where Headlens {version} is installed: python reproduce.py [MODEL]
"""

import sys
from pathlib import Path

from headlens.model import Recording, load_model
from headlens.model.recording.compare import compare
{imports}
HERE = Path(__file__).parent
MODEL = sys.argv[1] if len(sys.argv) > 1 else {model!r}  # {revision}

model = load_model(MODEL, {device!r}, {dtype!r})
again = {code}
result = compare(Recording.load(HERE / "recording.safetensors"), again)
print(result)
sys.exit(not result.close)
'''


@dataclass(frozen=True)
class Call:
    """How an input was recorded, in Python.

    Args:
        code: an expression of `model`, and of `HERE`, the folder with the files.
        files: what it reads, by name.
        imports: lines that it needs.
    """

    code: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    imports: str = ""


IMPORT_CHAT = "from headlens.model import Chat"


def script_of(recording: Recording, model: str, call: Call) -> str:
    """reproduce.py of a recording.

    Args:
        recording: that it makes again.
        model: the name, folder or Hub id that it was loaded by.
        call: how its input was recorded.
    """
    return SCRIPT.format(
        version=__version__,
        imports=f"{call.imports}\n" if call.imports else "",
        model=model,
        revision=recording.model.revision or "whose weights are not told apart",
        device=recording.device,
        dtype=str(recording.layers[0].query.dtype).removeprefix("torch."),
        code=call.code,
    )
