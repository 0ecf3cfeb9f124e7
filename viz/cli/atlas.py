"""`headlens atlas`: what the heads of a model do over a data set."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from headlens.model.errors import InputError
from headlens.viz.cli.failed import RunFailedError
from headlens.viz.cli.opening import open_model, size_of
from headlens.viz.cli.options import Device, Json, ModelName, Size
from headlens.viz.cli.output import print_json

if TYPE_CHECKING:
    from headlens.model.atlas.atlas import Atlas

SAID = 20  # inputs that failed; the atlas has all of them
LOOK_AGAIN = 10.0  # seconds between two lines of progress, where they cannot be written over


def build(
    given: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A folder of photos; a text file, a text a line; a CSV, JSON lines or parquet file with --column; or "
            "the URI of one, such as s3://bucket/folder.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="For the atlas, made if need be.")],
    model: ModelName = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Of a table: where the texts are; twice for pairs.", show_default=False),
    ] = None,
    size: Size = None,
    best: Annotated[
        int, typer.Option(metavar="COUNT", min=1, max=1_000, help="Inputs that excite each head most, to keep.")
    ] = 16,
    vectors: Annotated[
        int, typer.Option(metavar="COUNT", min=0, max=10_000, help="Inputs whose queries and keys to keep.")
    ] = 48,
    seed: Annotated[int, typer.Option(metavar="NUMBER", help="Seed of the hash that chooses these.")] = 0,
    save_every: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0, help="Time between two savings: so much work is lost at most when it is killed."
        ),
    ] = 15.0,
    engine: Annotated[
        Literal["here", "ray"], typer.Option(help="This process, or the workers of a cluster of Ray.")
    ] = "here",
    address: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of a cluster that is up: auto, or host:port.", show_default=False),
    ] = None,
    workers: Annotated[int, typer.Option(metavar="COUNT", min=1, help="Of the cluster, each with the model.")] = 1,
    gpus: Annotated[
        float, typer.Option(metavar="NUMBER", min=0, help="GPUs of each worker; 0.5: two share one.")
    ] = 0.0,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Run a model over a data set, and say what each head does.

    What cannot be read is listed, and the rest goes on. Stopped or killed, the same command goes on where it was.
    """
    check_cluster(engine, address, workers=workers, gpus=gpus)
    from headlens.model.atlas.build import Plan, here
    from headlens.model.atlas.build import build as build_atlas
    from headlens.model.atlas.gathered import Limits
    from headlens.model.atlas.items import open_source

    source = open_source(given, column or [])
    limits, pixels = Limits(best=best, vectors=vectors, seed=seed), size_of(size)
    kinds = ("image",) if source.kind == "photos" else ("text",)
    opened = open_model(model, kinds, device if engine == "here" else "cpu")
    plan = Plan(source, opened.description, limits, pixels)
    if engine == "here":
        run = here(opened, plan)
    else:
        from headlens.model.atlas.cluster import Cluster, on_cluster
        from headlens.model.atlas.gather import reader_of

        reader_of(opened, source.kind, pixels)
        name = opened.description.name if model is None else model
        del opened  # the workers have it
        run = on_cluster(Cluster(address, workers, gpus), name, plan)
    progress = Progress()
    try:
        atlas = build_atlas(plan, run, out, on_shard=progress.tell, save_every=save_every)
    except KeyboardInterrupt:
        progress.stopped()
        raise
    finally:
        progress.end()
    _report(atlas, out, as_json, finished_before=progress.done is None)


def check_cluster(engine: str, address: str | None, *, workers: int, gpus: float) -> None:
    """Raises InputError for options of a cluster without one."""
    if engine == "here" and (address is not None or workers != 1 or gpus):
        raise InputError("--address, --workers and --gpus are of a cluster; add --engine ray.")


class Progress:
    """Lines on standard error; on a terminal each is written over the last."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._said = -LOOK_AGAIN
        self._over = sys.stderr.isatty()
        self.done: int | None = None  # inputs; None: it has not begun
        self._total = 0

    def tell(self, done: int, now: int, total: int) -> None:
        """How much is done, how much of it in this run, and of how much: the time left is by the rate of this run."""
        self.done, self._total = done, total
        passed = time.monotonic() - self._started
        if not self._over and passed - self._said < LOOK_AGAIN and done < total:
            return
        self._said = passed
        line = f"{done:,} of {total:,} inputs"
        if now > 0 and done < total:
            line += f", {now / passed:,.1f} a second, {duration((total - done) * passed / now)} left at this rate"
        typer.echo(f"\r{line:<79}" if self._over else line, err=True, nl=not self._over)

    def stopped(self) -> None:
        """By the one who started it."""
        if self.done is not None:
            self.end()
            typer.echo(f"stopped at {self.done:,} of {self._total:,} inputs; the same command goes on", err=True)

    def end(self) -> None:
        """A line that could be written over is left."""
        if self._over:
            self._over = False
            typer.echo("", err=True)


def duration(seconds: float) -> str:
    """As a person says it: 40 s, 12 min, 3 h 20 min."""
    minutes = round(seconds / 60)
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60:,} h {minutes % 60} min"


def _report(atlas: "Atlas", out: Path, as_json: bool, *, finished_before: bool) -> None:
    """Raises RunFailedError where not all inputs could be recorded."""
    failed = atlas.failed()
    for id, reason in failed[:SAID]:
        typer.echo(f"failed: {id:.80}: {reason}", err=True)
    if len(failed) > SAID:
        typer.echo(f"failed: {len(failed) - SAID:,} more, which {out / 'failed.parquet'} lists", err=True)
    total = atlas.recorded + len(failed)
    before = ", which was finished before" if finished_before else ""
    typer.echo(f"{atlas.recorded:,} of {total:,} inputs are in the atlas in {out}{before}", err=True)
    if as_json:
        print_json(
            {
                "atlas": str(out),
                "recorded": atlas.recorded,
                "failed": [{"input": id, "reason": reason} for id, reason in failed],
            }
        )
    if failed:
        raise RunFailedError(f"{len(failed):,} of {total:,} failed, and the others are in the atlas.")
