"""Files that appear whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from headlens.model.errors import RecordingError
from headlens.model.recording.whole import whole_file
from headlens.viz.export.files import write_whole
from tests.recordings import random_recording


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with whole_file(path) as part:
        part.write_bytes(b"half")
        assert not path.exists()
        assert part.parent == tmp_path  # on the same disk, where it only takes another name
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"half"


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt(), SystemExit(), ValueError()])
def test_whatever_stops_it_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"from before")

    def write() -> None:
        with whole_file(path) as part:
            part.write_bytes(b"half")
            raise error

    with pytest.raises(type(error)):
        write()
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"from before"


def test_others_may_read_it_as_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    expected = stat.S_IMODE((tmp_path / "plain").stat().st_mode)
    random_recording().save(tmp_path / "new")  # safetensors' own files are for their owner alone
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == expected
    (tmp_path / "new").chmod(0o640)
    random_recording().save(tmp_path / "new")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o640


def test_what_a_link_leads_to_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    write_whole(tmp_path / "link", b"data")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"data"


def test_a_name_may_be_as_long_as_names_are(tmp_path: Path) -> None:
    write_whole(str(tmp_path / ("n" * 255)), b"data")
    assert (tmp_path / ("n" * 255)).read_bytes() == b"data"


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """safetensors would put a file in the place of /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        with pytest.raises(OSError, match="is no file"):
            write_whole(path, b"data")
        with pytest.raises(RecordingError, match="is no file"):
            random_recording().save(path)
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match=r"^'file' could not be written \(No such file or directory\); choose"):
        random_recording().save(tmp_path / "nowhere" / "file")
