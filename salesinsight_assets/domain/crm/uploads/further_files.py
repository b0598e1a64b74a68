"""The further files of an upload of deals: what they give to each deal, and which are of no use to the mapping."""

from collections.abc import Sequence

import pandas as pd

from salesinsight_assets.domain.crm.uploads.mapping import DealsMapping, Lookup
from salesinsight_assets.domain.crm.uploads.raw import RawFile, Refusal, UploadRefusedError


def files_left_out(files: Sequence[RawFile], mapping: DealsMapping) -> list[str]:
    """The files of an upload that describe columns (a data dictionary) and hold no rows for `mapping`."""
    return [file.name for file in files if not _lookups_of(file, mapping) and _is_description(file)]


def looked_up(
    deals: pd.DataFrame, files: Sequence[RawFile], deals_file: RawFile, mapping: DealsMapping
) -> pd.DataFrame:
    """`deals` with the values of the further files; a file that no lookup knows is refused."""
    deals = deals.copy()
    others = [file for file in files if file is not deals_file]
    for file in others:
        if not _lookups_of(file, mapping) and not _is_description(file):
            raise UploadRefusedError([_unused(file, mapping)])
    for lookup in mapping.lookups:
        found = [file for file in others if lookup.key in file.frame.columns]
        if len(found) > 1:
            raise UploadRefusedError([second_file(found, f"one file with the key column {lookup.key}")])
        for file in found:
            _apply(deals, file, deals_file, lookup)
    return deals


def _lookups_of(file: RawFile, mapping: DealsMapping) -> list[Lookup]:
    return [lookup for lookup in mapping.lookups if lookup.key in file.frame.columns]


def not_delivered(files: Sequence[RawFile], deals_file: RawFile, mapping: DealsMapping) -> list[str]:
    """What neither the deals file nor a further one of this upload could have given: stored values of it stay."""
    given = {
        ours
        for file in files
        if file is not deals_file
        for lookup in _lookups_of(file, mapping)
        for ours in lookup.values
    }
    wanted = {ours for lookup in mapping.lookups for ours in lookup.values}
    return sorted(ours for ours in wanted - given if getattr(mapping, ours, None) is None)


def _unused(file: RawFile, mapping: DealsMapping) -> Refusal:
    keys = ", ".join(lookup.key for lookup in mapping.lookups) or "none"
    advice = "leave the file out, or name its key column in a look-up of the mapping"
    header = ", ".join(file.frame.columns)
    return Refusal(file.name, 1, None, f"a file with one of the key columns ({keys})", header, advice)


def _is_description(file: RawFile) -> bool:
    """Whether the file describes columns (a data dictionary) and holds no rows of its own."""
    return {"field", "description"} <= {c.lower() for c in file.frame.columns}


def _apply(deals: pd.DataFrame, file: RawFile, deals_file: RawFile, lookup: Lookup) -> None:
    deals_file.require([lookup.column])
    file.require(lookup.values.values())
    keys = file.unique(lookup.key)
    wanted = deals_file.frame[lookup.column].replace(dict(lookup.renamed))
    readers = {"amount": file.numbers, "email": file.addresses}
    for ours, theirs in lookup.values.items():
        values = readers.get(ours, file.text)(theirs)
        found = wanted.map(pd.Series(values.to_numpy(), index=keys.to_numpy()))
        deals[ours] = found if deals[ours].isna().all() else deals[ours].fillna(found)


def second_file(files: Sequence[RawFile], expected: str) -> Refusal:
    """The refusal of the second of `files`, where one is expected."""
    first, second = files[:2]
    advice = "import them one after the other, or as one file"
    return Refusal(second.name, 1, None, expected, f"another one beside {first.name}", advice)
