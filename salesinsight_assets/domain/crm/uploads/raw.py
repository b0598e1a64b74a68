"""A CSV file as text, and the checks that say where it cannot be read, by line and column."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesinsight_assets.domain.crm.rows import long_id
from salesinsight_assets.domain.crm.tables import ColumnType
from salesinsight_assets.domain.crm.uploads.cells import EXPECTED, bare_texts, typed_values, unreadable

SHOWN_REFUSALS = 20
_FORMULA_STARTS = ("=", "+", "@")
_ADDRESS = r"[^@\s]+@[^@\s]+"


@dataclass(frozen=True)
class Refusal:
    """One place of an upload that cannot be taken: line in the file (1 is the header), column, expectation, finding.

    `file` may be an option of the command as well; `advice` says what to do.
    """

    file: str
    line: int | None
    column: str | None
    expected: str
    found: str
    advice: str = "correct the file and import it again"

    def __str__(self) -> str:
        place = [self.file, f"line {self.line}" if self.line else "", f"column {self.column}" if self.column else ""]
        return " ".join(f"{', '.join(p for p in place if p)}: expected {self.expected}, got {self.found}".split())


class UploadRefusedError(ValueError):
    """An upload that is refused whole; `refusals` holds the places, at most SHOWN_REFUSALS of the `places` there are."""

    def __init__(self, refusals: Iterable[Refusal]) -> None:
        found = list(refusals)
        self.places = len(found)
        self.refusals = found[:SHOWN_REFUSALS]
        super().__init__(f"{found[0]}{_more(self.places - 1)}; nothing was imported, {found[0].advice}")


def _more(places: int) -> str:
    return f" (and {places} more {'place' if places == 1 else 'places'})" if places else ""


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
        values = self.frame[column].str.replace("\x00", "", regex=False)
        if is_required:
            self.refuse(values.isna().to_numpy(), column, "a value")
        starts = values.str[0].isin(_FORMULA_STARTS) & pd.to_numeric(values, errors="coerce").isna()
        self.refuse(starts.to_numpy(bool), column, "text, not a spreadsheet formula")
        return values

    def unique(self, column: str) -> pd.Series:
        """A required text column without repeats; the 15 and the 18 characters of a Salesforce Id are one and the same."""
        values = self.text(column, is_required=True)
        self.refuse((values != values.str.strip()).to_numpy(bool), column, "an Id without blanks around it")
        self.refuse(values.map(long_id).duplicated(keep="first").to_numpy(), column, "an Id that occurs once")
        return values

    def addresses(self, column: str) -> pd.Series:
        """A column of e-mail addresses, missing where empty."""
        values = bare_texts(self.frame[column])
        is_none = values.notna() & ~values.str.fullmatch(_ADDRESS).fillna(False).astype(bool)
        self.refuse(is_none.to_numpy(bool), column, "an e-mail address such as ann@example.com")
        return values

    def texts_of(self, column: str, kind: ColumnType) -> pd.Series:
        """A column whose cells can be read as `kind`, still as text, without blanks around it."""
        texts = bare_texts(self.frame[column])
        self.refuse(unreadable(texts, kind), column, EXPECTED[kind])
        return texts

    def numbers(self, column: str) -> pd.Series:
        """A column of plain decimal numbers, missing where empty."""
        return typed_values(self.texts_of(column, "number"), "number")

    def dates(self, column: str) -> pd.Series:
        """A column of ISO dates as datetime64 at midnight, missing where empty."""
        return typed_values(self.texts_of(column, "date"), "date")

    def times(self, column: str) -> pd.Series:
        """A column of times in UTC, missing where empty."""
        return typed_values(self.texts_of(column, "timestamp"), "timestamp")

    def one_of(self, column: str, allowed: Iterable[str]) -> pd.Series:
        """A column that holds only the `allowed` values or nothing."""
        allowed = list(allowed)
        values = self.frame[column]
        self.refuse((values.notna() & ~values.isin(allowed)).to_numpy(), column, f"one of {', '.join(allowed)}")
        return values


def _shown(value: object) -> str:
    text = "nothing" if pd.isna(value) else repr(str(value))  # type: ignore[call-overload]
    return text if len(text) <= 60 else text[:57] + "...'"
