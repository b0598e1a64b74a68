"""CSV files in and out: our export's format. What the cells mean is decided in domain.crm.uploads."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesinsight_assets.domain.crm.uploads import RawFile, Refusal, UploadRefusedError

DELIMITERS_NOT_READ = (";", "\t", "|")


def read_csv_file(path: Path) -> RawFile:
    """A CSV file as text: UTF-8, commas, one header line, every row as wide as the header.

    Raises:
        UploadRefusedError: for what keeps the file from being read as such.
    """
    if not path.is_file():
        raise UploadRefusedError([Refusal(str(path), None, None, "a CSV file", "no such file")])
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


def _cells(path: Path) -> tuple[list[str], list[list[str]], list[int]]:
    """The header, the rows, and the line each row starts on; blank lines are passed over."""
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, None)
            start = reader.line_num + 1
            for row in reader:
                if row:
                    rows.append(row)
                    lines.append(start)
                start = reader.line_num + 1
    except UnicodeDecodeError as error:
        raise UploadRefusedError(
            [Refusal(path.name, None, None, "text in UTF-8", f"byte {error.object[error.start]:#x}")]
        ) from error
    except csv.Error as error:
        raise UploadRefusedError(
            [Refusal(path.name, len(lines) + 2, None, "CSV with closed quotes", str(error))]
        ) from error
    if not header or not rows:
        raise UploadRefusedError([Refusal(path.name, 1, None, "a header and at least one row", "an empty file")])
    return header, rows, lines


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """`frame` as CSV or Parquet, by the file's ending.

    Raises:
        ValueError: another ending.
    """
    if path.suffix == ".parquet":
        frame.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        frame.assign(**{c: _as_text(frame[c]) for c in frame.columns}).to_csv(path, index=False)
    else:
        raise ValueError(f"--to: expected a file ending in .csv or .parquet, got {path.name}; choose one of them")


def _as_text(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """A column as CSV can hold it: booleans as words, lists as JSON; any other as it is."""
    if _is_boolean(values):
        return _words(values)
    return values.map(_json) if values.dtype == object else values


def _json(value: Any) -> Any:
    return json.dumps(list(value), ensure_ascii=False) if isinstance(value, np.ndarray | list) else value


def _is_boolean(values: "pd.Series[Any]") -> bool:
    return pd.api.types.infer_dtype(values, skipna=True) == "boolean"


def _words(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """True and false, as the import wants them and every other system writes them."""
    return values.map({True: "true", False: "false"})
