"""CSV uploads: the second entrance to the CRM tables, for when Salesforce cannot be read.

`raw` is a file as text with its checks, `cells` what a cell may hold, `own_format` our export's format, `mapping` says
which column of a flat file of deals holds what, `deals` makes tables of it, `further_files` looks values up, `revision`
tells what a later upload changes from its day on, `shipped` are the mappings that come with the product. An upload is
taken whole or refused whole.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from salesinsight_assets.domain.crm.uploads.day import UploadDay
from salesinsight_assets.domain.crm.uploads.deals import deals_tables
from salesinsight_assets.domain.crm.uploads.further_files import files_left_out
from salesinsight_assets.domain.crm.uploads.mapping import DealsMapping, mappings_from_config
from salesinsight_assets.domain.crm.uploads.own_format import own_format_tables
from salesinsight_assets.domain.crm.uploads.raw import RawFile, Refusal, UploadRefusedError
from salesinsight_assets.domain.crm.uploads.shipped import SHIPPED_MAPPINGS
from salesinsight_assets.domain.crm.uploads.stored import NOTHING_STORED, StoredRows

__all__ = [
    "NOTHING_STORED",
    "DealsMapping",
    "RawFile",
    "Refusal",
    "StoredRows",
    "UploadRefusedError",
    "files_left_out",
    "upload_mappings",
    "upload_tables",
]


def upload_mappings(config: Any) -> dict[str, DealsMapping]:
    """The shipped mappings and those of `[mappings.NAME]` in salesinsight.toml, by name.

    Raises:
        ValueError: a mapping with an unknown, missing or wrong entry, by its name.
    """
    return {**SHIPPED_MAPPINGS, **mappings_from_config(config)}


def upload_tables(
    files: Sequence[RawFile],
    mapping: str | None,
    mappings: Mapping[str, DealsMapping],
    as_of: date | None,
    zone: ZoneInfo,
    now: datetime,
    stored: StoredRows = NOTHING_STORED,
) -> dict[str, pa.Table]:
    """The CRM tables that `files` hold, by table name, each with the columns that the files deliver.

    Args:
        files: the files of one upload.
        mapping: name of the mapping, None for our own export format.
        mappings: the mappings there are.
        as_of: the day that the files tell of; later dates are refused. None: the last day they mention.
        zone: the company's time zone, in which days of a file begin.
        now: the current moment; later days and stamps are refused.
        stored: what is stored already.

    Raises:
        UploadRefusedError: with every refused place; nothing of the upload may be stored then.
    """
    day = UploadDay(as_of, now, zone)
    if mapping is None:
        return own_format_tables(files, day, stored)
    if mapping not in mappings:
        known = f"one of {', '.join(sorted(mappings))}"
        advice = "correct the option, or add the mapping to salesinsight.toml"
        raise UploadRefusedError([Refusal("--mapping", None, None, known, mapping, advice)])
    return deals_tables(files, mappings[mapping], day, stored)
