"""A CSV file as text, and the checks that say where it cannot be read, by line and column."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

SHOWN_REFUSALS = 20
_FORMULA_STARTS = ("=", "+", "@")


@dataclass(frozen=True)
class Refusal:
    """One place of an upload that cannot be taken: line in the file (1 is the header), column, expectation, finding."""

    file: str
    line: int | None
    column: str | None
    expected: str
    found: str

    def __str__(self) -> str:
        place = [self.file, f"line {self.line}" if self.line else "", f"column {self.column}" if self.column else ""]
        return f"{', '.join(p for p in place if p)}: expected {self.expected}, got {self.found}"


class UploadRefusedError(ValueError):
    """An upload that is refused whole; `refusals` holds the places, at most SHOWN_REFUSALS of them."""

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        self.refusals = list(refusals)[:SHOWN_REFUSALS]
        more = f" (and {len(self.refusals) - 1} more places)" if len(self.refusals) > 1 else ""
        super().__init__(f"{self.refusals[0]}{more}; nothing was imported, correct the file and import it again")


@dataclass(frozen=True)
class RawFile:
    """A CSV file as read: every cell as text, empty cells as missing; `lines` holds the line that each row begins on."""

    name: str
    frame: pd.DataFrame
    lines: np.ndarray

    def refuse(self, bad: np.ndarray, column: str, expected: str) -> None:
        """Refuse the rows where `bad` is set.

        Raises:
            UploadRefusedError: if there is any.
        """
        rows = np.flatnonzero(bad)
        if len(rows):
            values = self.frame[column]
            raise UploadRefusedError(
                Refusal(self.name, int(self.lines[row]), column, expected, _shown(values.iloc[row])) for row in rows
            )

    def require(self, columns: Iterable[str]) -> None:
        """Refuse the file if it lacks one of `columns`."""
        missing = [c for c in columns if c not in self.frame.columns]
        if missing:
            header = ", ".join(self.frame.columns)
            raise UploadRefusedError(
                Refusal(self.name, 1, c, "a column of that name", f"the header {header}") for c in missing
            )

    def text(self, column: str, is_required: bool = False) -> pd.Series:
        """A text column; a spreadsheet formula is refused, and so is a missing value where one is required."""
        values = self.frame[column]
        if is_required:
            self.refuse(values.isna().to_numpy(), column, "a value")
        starts = values.str[0].isin(_FORMULA_STARTS) & pd.to_numeric(values, errors="coerce").isna()
        self.refuse(starts.to_numpy(bool), column, "text, not a spreadsheet formula")
        return values

    def unique(self, column: str) -> pd.Series:
        """A required text column without repeats."""
        values = self.text(column, is_required=True)
        self.refuse(values.duplicated(keep="first").to_numpy(), column, "an Id that occurs once")
        return values

    def numbers(self, column: str) -> pd.Series:
        """A column of plain decimal numbers, missing where empty."""
        return self._parsed(
            column,
            "a number such as 1234.50",
            lambda v: pd.to_numeric(v, errors="coerce").replace([np.inf, -np.inf], np.nan),
        )

    def dates(self, column: str) -> pd.Series:
        """A column of ISO dates as datetime64 at midnight, missing where empty."""
        return self._parsed(
            column, "a date such as 2024-03-31", lambda v: pd.to_datetime(v, format="%Y-%m-%d", errors="coerce")
        )

    def one_of(self, column: str, allowed: Iterable[str]) -> pd.Series:
        """A column that holds only the `allowed` values or nothing."""
        allowed = list(allowed)
        values = self.frame[column]
        self.refuse((values.notna() & ~values.isin(allowed)).to_numpy(), column, f"one of {', '.join(allowed)}")
        return values

    def _parsed(self, column: str, expected: str, parse: Callable[[pd.Series], pd.Series]) -> pd.Series:
        values = self.frame[column]
        parsed = parse(values)
        self.refuse((values.notna() & parsed.isna()).to_numpy(), column, expected)
        return parsed


def _shown(value: object) -> str:
    text = "nothing" if pd.isna(value) else repr(str(value))  # type: ignore[call-overload]
    return text if len(text) <= 60 else text[:57] + "...'"
