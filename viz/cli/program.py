"""All commands in one program, and what it exits with."""

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer
from typer.exceptions import Abort, TyperException

from headlens.model.errors import DeviceError, HeadlensError
from headlens.viz.cli.app import app
from headlens.viz.cli.atlas import build
from headlens.viz.cli.compare import compare
from headlens.viz.cli.explain import explain
from headlens.viz.cli.export import export
from headlens.viz.cli.failed import RunFailedError
from headlens.viz.cli.figure import figure
from headlens.viz.cli.heads import heads
from headlens.viz.cli.induction import induction
from headlens.viz.cli.models import models
from headlens.viz.cli.record import record
from headlens.viz.cli.roles import roles

BAD_INPUT, FAILED, STOPPED = 2, 1, 130  # exit codes; 130 as shells have it for Ctrl-C
DEBUG = "HEADLENS_DEBUG"  # set: an error of the program itself is shown with its traceback
EXAMPLES: dict[Callable[..., None], tuple[str, ...]] = {
    app: ("headlens app", "headlens app --port 8600 --allow headlens.example.com"),
    models: ("headlens models", "headlens models my-classifier --json"),
    record: (
        'headlens record "The trophy does not fit in the suitcase because it is too big." --out trophy.safetensors',
        "headlens record reviews.csv --column review --model minilm-l6 --out recordings",
        "headlens record photos/ --model dinov2-focus --size 224 --out recordings",
    ),
    figure: (
        "headlens figure heatmap trophy.safetensors --layer 3 --head 1 --query 10 --out heatmap.svg",
        "headlens figure strip trophy.safetensors --query 2-4.9 --heads 2~0-3_4~1 --reduction max --out strip.svg",
        "headlens figure grid trophy.safetensors --layer 3 --head 1 --query 10 --width 85 --out grid.png",
    ),
    export: (
        "headlens export trophy.safetensors --layer 3 --out weights.npz",
        "headlens export trophy.safetensors --layer 3 --head 1 --out weights.csv",
    ),
    roles: (
        "headlens roles trophy.safetensors",
        "headlens roles trophy.safetensors --out roles.csv",
    ),
    induction: (
        "headlens induction --model smollm2-135m",
        "headlens induction --model smollm2-135m --length 12 --out induction.csv",
    ),
    explain: (
        'headlens explain "A cat sleeps." --other "A kitten naps." --out scores.csv',
        'headlens explain "The capital of France is" --model smollm2-135m --against London --method legrad',
    ),
    heads: (
        'headlens heads "A cat sleeps." --target movement --method exact --by zero --out effects.csv',
        'headlens heads "The capital of France is" --model smollm2-135m --method gradient --json',
    ),
    compare: (
        'headlens compare "The nurse said that she was tired." "The nurse said that he was tired." --out heads.csv',
        "headlens compare trophy.safetensors other.safetensors --layer 3 --head 1",
        "headlens compare cat.jpg --size 224 --paint-b 28,26,48,52",
        'headlens compare "The keys are on the table." --model my-classifier --model-b minilm-l6 --out matches.json',
    ),
    build: (
        "headlens atlas build reviews.csv --column review --model minilm-l6 --out reviews-atlas",
        "headlens atlas build photos/ --model dinov2-focus --size 224 --out photos-atlas",
    ),
}


def _epilog(command: Callable[..., None]) -> str:
    return "Examples:\n\n\b\n" + "\n".join(f"  {line}" for line in EXAMPLES[command])


program = typer.Typer(
    rich_markup_mode=None,  # plain text: it starts sooner, and a pipe gets the same
    add_completion=False,
    pretty_exceptions_enable=False,
)
atlas = typer.Typer(rich_markup_mode=None, help="What each head does over a data set.", epilog=_epilog(build))
atlas.callback()(lambda: None)  # else a group of one command is that command
program.add_typer(atlas, name="atlas")
for command in EXAMPLES:
    (atlas if command is build else program).command(epilog=_epilog(command))(command)


def _say_version(wanted: bool) -> None:
    if wanted:
        from headlens.model import __version__

        typer.echo(f"headlens {__version__}")
        raise typer.Exit


@program.callback(
    epilog="Exit codes: 0, all is done; 1, a run failed; 2, the input or an option cannot be taken; 130, Ctrl-C."
)
def headlens(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version, and exit.")
    ] = False,
) -> None:
    """Where does each attention head of a transformer look?"""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command with these arguments, by default those of the process, and exit: see `exit_code`."""
    if arguments is None and sys.argv[1:3] == ["atlas", "build"]:
        from headlens.model.heap import start_again_with_own_heap

        start_again_with_own_heap()
    sys.exit(exit_code(sys.argv[1:] if arguments is None else arguments))


def exit_code(arguments: Sequence[str]) -> int:
    """Run the command. Errors are one sentence on standard error.

    Returns:
        0; 1 where a run failed; 2 for what cannot be taken as input; 130 after Ctrl-C.
    """
    code, sentence = FAILED, ""
    try:
        # Ctrl-C comes back as 130 from in there, and a pipe that nobody reads exits with 1.
        result = typer.main.get_command(program).main(list(arguments), prog_name="headlens", standalone_mode=False)
        code = result if isinstance(result, int) else 0
    except TyperException as error:
        message = error.format_message().replace(". Did you mean", ", did you mean").rstrip(".?")
        code, sentence = BAD_INPUT, f"{message}; see {_help_of(arguments)}."
    except (RunFailedError, DeviceError) as error:
        sentence = str(error)
    except HeadlensError as error:
        code, sentence = BAD_INPUT, str(error)
    except (KeyboardInterrupt, Abort):
        code = STOPPED
    except Exception as error:
        if os.environ.get(DEBUG):
            raise
        what = f"{type(error).__name__}: {error}".strip(": ").rstrip(".")
        sentence = f"Headlens itself failed ({what}); {DEBUG}=1 shows where."
    if sentence:
        typer.echo(f"headlens: {' '.join(sentence.split())}", err=True)
    return code


def _help_of(arguments: Sequence[str]) -> str:
    """Of the command, or of the group that has none of this name."""
    command, words = typer.main.get_command(program), ["headlens"]
    for word in arguments:
        if word not in (commands := getattr(command, "commands", {})):  # a group has them
            break
        command = commands[word]
        words.append(word)
    return " ".join([*words, "--help"])
