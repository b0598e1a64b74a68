"""CSV files in and out: our export's format. What the cells mean is decided in domain.crm.uploads."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesinsight_assets.domain.crm.uploads import RawFile, Refusal, UploadRefusedError
from salesinsight_assets.domain.crm.uploads.cells import marked_as_text

DELIMITERS_NOT_READ = (";", "\t", "|")
SHOWN_FILES = 10


def read_csv_file(path: Path) -> RawFile:
    """A CSV file as text: UTF-8, commas, one header line, every row as wide as the header.

    Raises:
        UploadRefusedError: for what keeps the file from being read as such.
    """
    if not path.is_file():
        raise UploadRefusedError([_no_file(path)])
    header, rows, lines = _cells(path)
    if len(header) == 1 and any(d in header[0] for d in DELIMITERS_NOT_READ):
        raise UploadRefusedError([Refusal(path.name, 1, None, "columns separated by commas", repr(header[0][:60]))])
    doubled = sorted({c for c in header if header.count(c) > 1})
    if doubled:
        raise UploadRefusedError([Refusal(path.name, 1, c, "a column name once", "twice") for c in doubled])
    wrong = [(n, row) for n, row in zip(lines, rows, strict=True) if len(row) != len(header)]
    if wrong:
        wide = f"{len(header)} columns as in the header"
        raise UploadRefusedError(Refusal(path.name, n, None, wide, f"{len(row)}") for n, row in wrong)
    frame = pd.DataFrame(rows, columns=header, dtype=object)
    return RawFile(path.name, frame.replace("", None).astype("str"), np.array(lines))


def _no_file(path: Path) -> Refusal:
    """The refusal of a path, with the CSV files that its folder has."""
    folder = path if path.is_dir() else path.parent
    names = sorted(file.name for file in folder.glob("*.csv"))
    there = f"{folder} has {', '.join(names[:SHOWN_FILES])}" if names else f"{folder} has no .csv file"
    return Refusal(str(path), None, None, "a CSV file", f"no such file ({there})", "correct the path")


def _cells(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the rows, and the line each row starts on; blank lines are passed over."""
    records = [(line, row) for line, row in _records(path.name, _text(path)) if row]
    if len(records) < 2:
        found = "no rows below the header" if records else "an empty file"
        raise UploadRefusedError([Refusal(path.name, 1, None, "a header and at least one row", found)])
    (_, header), *rows = records
    return header, [row for _, row in rows], [line for line, _ in rows]


def _records(name: str, text: str) -> list[tuple[int, list[str]]]:
    """Each record of the file with the line that it begins on."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for row in reader:
            found.append((start, row))
            start = reader.line_num + 1
    except csv.Error as error:
        raise UploadRefusedError([Refusal(name, start, None, "CSV with closed quotes", str(error))]) from error
    return found


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]  # without the byte order mark, if there is one
        raise UploadRefusedError([_undecodable(path.name, before.decode(), error.object[error.start])]) from error


def _undecodable(name: str, before: str, byte: int) -> Refusal:
    """The refusal of a byte by the line it is on, and its column where the header can be read."""
    header, *records = list(csv.reader(io.StringIO(before + "?", newline="")))
    place = len(records[-1]) - 1 if records else len(header)
    column = header[place] if place < len(header) else None
    line = len((before + "?").splitlines())
    return Refusal(
        name, line, column, "text in UTF-8", f"byte {byte:#x}", "save the file as CSV UTF-8 and import it again"
    )


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """`frame` as CSV or Parquet, by the file's ending.

    Raises:
        ValueError: another ending.
    """
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        texts = frame.assign(**{c: _as_text(frame[c]) for c in frame.columns})
        texts.to_csv(path, index=False, quoting=csv.QUOTE_ALL if _has_carriage_return(texts) else csv.QUOTE_MINIMAL)
    else:
        raise ValueError(f"--to: expected a file ending in .csv or .parquet, got {path.name}; choose one of them")


def _as_text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column as CSV can hold it: booleans as words, lists as JSON, no text that a spreadsheet runs; any other as it is."""
    if _is_boolean(values):
        return _words(values)
    if values.dtype == object:
        return marked_as_text(values.map(_json))
    return marked_as_text(values) if pd.api.types.is_string_dtype(values) else values


def _json(value: Any) -> Any:
    return json.dumps(list(value), ensure_ascii=False) if isinstance(value, np.ndarray | list) else value


def _has_carriage_return(frame: pd.DataFrame) -> bool:
    """Whether a text holds one, which ends a line for every reader and does not make the writer quote the cell."""
    return any("\r" in str(value) for name in frame.select_dtypes(["object", "string"]) for value in frame[name])


def _is_boolean(values: "pd.Series[Any]") -> bool:
    return pd.api.types.infer_dtype(values, skipna=True) == "boolean"


def _words(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """True and false, as the import wants them and every other system writes them."""
    return values.map({True: "true", False: "false"})
