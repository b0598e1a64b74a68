"""Salesforce Ids: 15 case-sensitive characters and a suffix of three that makes them safe in any letter case."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_DIGITS = np.frombuffer(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8)
_SUFFIX = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345", dtype=np.uint8)
_BITS = np.array([1, 2, 4, 8, 16])
_INSTANCE = "gL0"
_SEQUENCE_LENGTH = 9


def salesforce_ids(key_prefix: str, numbers: Sequence[int] | npt.NDArray[np.int64]) -> npt.NDArray[np.str_]:
    """The 18-character Ids of the records with these running numbers.

    >>> salesforce_ids("006", [0, 61]).tolist()
    ['006gL0000000000QAA', '006gL000000000zQAA']
    """
    codes = np.empty((len(numbers), 18), dtype=np.uint8)
    codes[:, :6] = np.frombuffer((key_prefix + _INSTANCE).encode("ascii"), dtype=np.uint8)
    powers = 62 ** np.arange(_SEQUENCE_LENGTH - 1, -1, -1, dtype=np.int64)
    codes[:, 6:15] = _DIGITS[np.asarray(numbers, dtype=np.int64)[:, None] // powers % 62]
    is_upper = (codes[:, :15] >= ord("A")) & (codes[:, :15] <= ord("Z"))
    codes[:, 15:] = _SUFFIX[is_upper.reshape(-1, 3, 5) @ _BITS]
    return codes.view("S18")[:, 0].astype("U18")


def full_id(short_id: str) -> str:
    """The 18-character form of a 15-character Id.

    >>> full_id("006gL000000000z")
    '006gL000000000zQAA'
    """
    chunks = (short_id[start : start + 5] for start in (0, 5, 10))
    weights = (sum(1 << place for place, letter in enumerate(chunk) if "A" <= letter <= "Z") for chunk in chunks)
    return short_id + "".join(chr(_SUFFIX[weight]) for weight in weights)
