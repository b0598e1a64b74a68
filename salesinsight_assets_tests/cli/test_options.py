"""Options that several commands share."""

import click
import pytest

from salesinsight_assets.cli.options import BadInputError, OutputFile, writing


def test_a_file_that_can_be_written_is_left_as_it_was(tmp_path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("before")
    assert OutputFile().convert(str(there), None, None) == there
    assert there.read_text() == "before"
    new = tmp_path / "new.csv"
    assert OutputFile().convert(str(new), None, None) == new
    assert not new.exists()


@pytest.mark.parametrize(
    ("target", "reason"),
    [("nowhere/out.csv", "No such file"), (".", "Is a directory"), ("/proc/out.csv", "No such file|Permission")],
)
def test_a_file_that_cannot_be_written_is_refused_at_once(tmp_path, monkeypatch, target, reason) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInputError, match=f"expected a file that can be written, got {target} .*({reason})"):
        OutputFile().convert(target, None, None)


def test_a_full_disk_is_one_line_and_a_failure(tmp_path) -> None:
    with pytest.raises(click.ClickException, match="got No space left on device") as told, writing(tmp_path / "out"):
        raise OSError(28, "No space left on device")
    assert told.value.exit_code == 1
