"""The files of a data set: on this machine, or at a URI that pyarrow reads, s3://bucket/folder.

Paths of this machine do not go through pyarrow: it follows links in circles, and reads no names that are not UTF-8.
"""

import errno
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, Literal, NamedTuple
from urllib.parse import quote

from headlens.model.atlas.arrow import pyarrow_fs
from headlens.model.errors import InputError
from headlens.model.inputs.image_file import check_bytes

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

SCHEMES = ("s3", "gs", "gcs", "file")
BUFFER = 2**22  # bytes of a remote file that are asked for at once
# Google's library would try again for a quarter of an hour, without a word; Amazon's gives up after some seconds.
PATIENCE = "retry_limit_seconds=30"


class About(NamedTuple):
    """Of a file or a folder."""

    is_folder: bool
    size: int  # bytes


@dataclass(frozen=True)
class Remote:
    """A file or a folder at a URI; it is small, and can be sent to another machine.

    The methods raise OSError as those of a path do, and InputError for a URI that cannot be understood, or without
    pyarrow.
    """

    uri: str
    below: str = ""  # the rest of the path: the files of a folder share its URI, and so its connection

    def __truediv__(self, name: str) -> "Remote":
        return replace(self, below=f"{self.below}/{name}".lstrip("/"))

    def __str__(self) -> str:
        """Without what may be secret: the user and the options."""
        shown = re.sub(r"(?<=://)[^?]*@", "", self.uri).partition("?")[0].rstrip("/")
        return f"{shown}/{self.below}".rstrip("/")

    @property
    def name(self) -> str:
        """The last part of the path."""
        return PurePosixPath(self._path).name

    @property
    def suffix(self) -> str:
        """With its dot."""
        return PurePosixPath(self._path).suffix

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """For reading from any place in it; some of it is in memory at once."""
        return io.BufferedReader(self._system.open_input_file(self._path), BUFFER)

    def read_photo(self) -> bytes:
        """The whole file. Raises InputError for one that is too large for a photo, before it is read."""
        with reading(self), self._system.open_input_file(self._path) as file:
            check_bytes(file.size())
            return bytes(file.read())

    def about(self) -> About:
        """As `about`."""
        found = self._system.get_file_info(self._path)
        if found.type == pyarrow_fs().FileType.NotFound:
            raise FileNotFoundError(errno.ENOENT, "there is nothing there")
        return About(not found.is_file, found.size or 0)

    def files(self) -> Iterator[tuple[str, int]]:
        """As `files_in`."""
        selector = pyarrow_fs().FileSelector(self._path, recursive=True)
        for found in self._system.get_file_info(selector):
            yield found.path[len(self._path) :].lstrip("/"), found.size or 0

    @property
    def _system(self) -> "FileSystem":
        return _opened(self.uri)[0]

    @property
    def _path(self) -> str:
        return f"{_opened(self.uri)[1]}/{self.below}".rstrip("/")


Place = Path | Remote


def place_of(given: str | Path) -> Place:
    """Where a path or a URI leads. Raises InputError for a URI that cannot be opened, or without pyarrow."""
    scheme, is_uri, _ = str(given).partition("://")
    if not is_uri or isinstance(given, Path):
        return Path(given)
    if scheme not in SCHEMES:
        raise InputError(
            f"{scheme!r:.20} is no kind of address that can be read; give {', '.join(SCHEMES)}, or a path."
        )
    return Remote(str(given))


def about(place: Place) -> About:
    """What is known of a file or a folder; of a folder, whose size is not asked for, 0. Raises OSError."""
    if isinstance(place, Remote):
        return place.about()
    found = place.stat()
    return About(place.is_dir(), found.st_size)


def files_in(folder: Place) -> Iterator[tuple[str, int]]:
    """What is in a folder and its folders, by its path from there, and its bytes; 0 for what is no file."""
    if isinstance(folder, Remote):
        yield from folder.files()
        return
    for path in folder.rglob("*"):
        yield path.relative_to(folder).as_posix(), path.stat().st_size if path.is_file() else 0


@contextmanager
def reading(place: Place) -> Iterator[None]:
    """What goes wrong with a place becomes an InputError."""
    try:
        yield
    except (OSError, UnicodeDecodeError) as error:
        remedy = "give another" if isinstance(place, Path) else "check its name, the network and who may read it"
        raise InputError(f"{str(place)!r:.80} cannot be read ({_reason(error)}); {remedy}.") from error


def _reason(error: OSError | UnicodeDecodeError) -> str:
    """Short: the libraries write paragraphs, and some of them what they were asked for."""
    if isinstance(error, UnicodeDecodeError):
        return "a name in it is not in UTF-8"
    if isinstance(error, FileNotFoundError):
        return "there is nothing there"
    if error.strerror:
        return error.strerror
    said = re.search(r"AWS Error (\w+(?: \(HTTP status \d+\))?)|google::cloud::Status\((\w+)", str(error))
    if said:
        return (said[1] or said[2]).replace("_", " ").lower()
    return re.split(r"[.:!?;]\s|\n", f"{error}\n")[0][:100].rstrip(".!?") or type(error).__name__


@lru_cache(maxsize=16)
def _opened(uri: str) -> tuple["FileSystem", str]:
    """The file system of a URI, which may look for its bucket, and the path in it."""
    uri = quote(uri, safe="%/:?#[]@!$&'()*+,;=~")  # a space is written as people write it
    if uri.startswith(("gs:", "gcs:")) and "retry_limit_seconds" not in uri:
        uri += f"{'&' if '?' in uri else '?'}{PATIENCE}"
    try:
        system, path = pyarrow_fs().FileSystem.from_uri(uri)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{str(Remote(uri))!r:.80} is no address that can be understood, or an option behind its '?' is wrong; "
            "correct it."
        ) from error
    return system, path.rstrip("/")
