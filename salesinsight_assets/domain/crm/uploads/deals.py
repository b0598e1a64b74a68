"""A flat file of deals as CRM tables: one row a deal, with the day it was created and the day it was closed.

Such a file tells how a deal ended and nothing of the way there. So a deal is open, in the stage given for open deals,
from its creation to its closing day; its outcome, its final amount and its closing day are known from that day on.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from salesinsight_assets.domain.crm.rows import arrow_schema, long_id
from salesinsight_assets.domain.crm.tables import crm_table
from salesinsight_assets.domain.crm.uploads.day import UploadDay
from salesinsight_assets.domain.crm.uploads.further_files import looked_up, not_delivered, second_file
from salesinsight_assets.domain.crm.uploads.mapping import DealsMapping
from salesinsight_assets.domain.crm.uploads.raw import RawFile, Refusal, UploadRefusedError
from salesinsight_assets.domain.crm.uploads.revision import revised_tables
from salesinsight_assets.domain.crm.uploads.stored import StoredRows

_OPPORTUNITY_PREFIX = "006"
"""How every Salesforce Id of an opportunity begins."""


def deals_tables(
    files: Sequence[RawFile], mapping: DealsMapping, day: UploadDay, stored: StoredRows
) -> dict[str, pa.Table]:
    """The CRM tables of an upload of deals. Raises UploadRefusedError; see `upload_tables`."""
    file = _deals_file(files, mapping)
    told = _told_day(file, mapping, day, stored)
    deals = looked_up(_deals(file, mapping, day, told), files, file, mapping)
    built = {
        "opportunity_stages": _stages(deals, mapping),
        "users": _users(deals),
        "accounts": _accounts(deals),
        "opportunities": _opportunities(deals),
        "opportunity_history": _history(deals),
    }
    revised = revised_tables(built, stored, _told_at(told, day, stored), not_delivered(files, file, mapping))
    return {name: _arrow(name, frame) for name, frame in revised.items()}


def _deals_file(files: Sequence[RawFile], mapping: DealsMapping) -> RawFile:
    """The file that has the mapping's key columns; with none, the first file is refused for what it lacks."""
    found = [file for file in files if {mapping.id, mapping.outcome} <= set(file.frame.columns)]
    if len(found) > 1:
        columns = f"one file with the columns {mapping.id} and {mapping.outcome}"
        raise UploadRefusedError([second_file(found, columns)])
    file = found[0] if found else files[0]
    file.require(mapping.columns)
    return file


def _told_day(file: RawFile, mapping: DealsMapping, day: UploadDay, stored: StoredRows) -> pd.Timestamp:
    """The day that the upload tells of: the last one that it mentions, and none before what is stored."""
    created = file.dates(mapping.created)
    if created.isna().all():
        nowhere = "the day the deal was created, in one row at least"
        file.refuse(created.isna().to_numpy(), mapping.created, nowhere)
    known = None if stored.told_until is None else day.day_of(stored.told_until)
    if day.as_of:
        _refuse_earlier_day(pd.Timestamp(day.as_of), known)
        return pd.Timestamp(day.as_of)
    mentioned = pd.concat([created, file.dates(mapping.closed)]).max()
    return mentioned if known is None else max(mentioned, min(known, day.last_day))


def _refuse_earlier_day(as_of: pd.Timestamp, known: pd.Timestamp | None) -> None:
    """What is stored already tells of later days; an earlier file would rewrite what was known then."""
    if known is not None and as_of < known:
        expected = f"a day from {known:%Y-%m-%d} on, of which the stored rows tell"
        advice = "correct the option, or import the files in the order of their days into a fresh home"
        raise UploadRefusedError([Refusal("--as-of", None, None, expected, f"{as_of:%Y-%m-%d}", advice)])


def _told_at(told: pd.Timestamp, day: UploadDay, stored: StoredRows) -> pd.Timestamp:
    """From when what the upload changes counts: the beginning of its day, or after what was stored of that day."""
    beginning = day.beginning(told)
    if stored.told_until is None or stored.told_until <= beginning:
        return beginning
    return stored.told_until + pd.Timedelta(microseconds=1)


def _deals(file: RawFile, mapping: DealsMapping, day: UploadDay, told: pd.Timestamp) -> pd.DataFrame:
    """One row a deal under our names, checked."""
    outcome = file.one_of(mapping.outcome, (mapping.won, mapping.lost, *mapping.open_stages))
    is_closed = outcome.isin([mapping.won, mapping.lost])
    created, closed = _days(file, mapping, day, is_closed)
    columns = {
        "id": file.unique(mapping.id).map(_long_opportunity_id),
        "owner_id": file.text(mapping.owner, is_required=True),
        "is_won": outcome.eq(mapping.won),
        "is_closed": is_closed,
        "stage_name": outcome.where(~is_closed, mapping.open_stages[-1]).fillna(mapping.open_stages[0]),
        "outcome": outcome.where(is_closed),
        "created_date": day.beginnings(created.fillna(told)),
        "closed_at": day.beginnings(closed),
        "close_date": closed,
    }
    optional = ("account", "product", "region", "industry", "lead_source")
    texts = {name: file.text(c) if (c := getattr(mapping, name)) else None for name in optional}
    numbers = {n: file.numbers(c) if (c := getattr(mapping, n)) else np.nan for n in ("amount", "final_amount")}
    deals = pd.DataFrame({**columns, **texts, **numbers, "manager": None, "email": _emails(file, mapping)})
    return deals.astype({"account": object, "email": object})


def _days(file: RawFile, mapping: DealsMapping, day: UploadDay, is_closed: pd.Series) -> tuple[pd.Series, pd.Series]:
    """The days on which each deal was created and closed, checked against each other and the outcome."""
    created, closed = file.dates(mapping.created), file.dates(mapping.closed)
    for column, days in ((mapping.created, created), (mapping.closed, closed)):
        file.refuse((days > day.last_day).to_numpy(), column, f"a day up to {day.last_day_words}")
    for bad, column, expected in (
        (is_closed & created.isna(), mapping.created, "the day the deal was created"),
        (is_closed & closed.isna(), mapping.closed, "the day the deal was closed"),
        (~is_closed & closed.notna(), mapping.closed, "no closing day, as the deal is open"),
        (closed < created, mapping.closed, "a day not before the deal was created"),
    ):
        file.refuse(bad.to_numpy(), column, expected)
    return created, closed


def _long_opportunity_id(deal_id: str) -> str:
    """An Id of Salesforce's with 18 characters; any other one is kept, whatever its length."""
    return long_id(deal_id) if deal_id.startswith(_OPPORTUNITY_PREFIX) else deal_id


def _emails(file: RawFile, mapping: DealsMapping) -> pd.Series | None:
    """The address of each deal's rep, one for each rep."""
    if mapping.email is None:
        return None
    emails = file.addresses(mapping.email)
    first = emails.groupby(file.frame[mapping.owner]).transform("first")
    file.refuse((emails.notna() & (emails != first)).to_numpy(bool), mapping.email, "one address for each rep")
    return emails


def _stages(deals: pd.DataFrame, mapping: DealsMapping) -> pd.DataFrame:
    names = [*mapping.open_stages, mapping.won, mapping.lost]
    n_open = len(mapping.open_stages)
    return pd.DataFrame(
        {
            "id": [f"stage {name}" for name in names],
            "master_label": names,
            "api_name": names,
            "is_active": True,
            "is_closed": [False] * n_open + [True, True],
            "is_won": [False] * n_open + [True, False],
            "sort_order": range(1, len(names) + 1),
            "created_date": deals["created_date"].min(),
            "system_modstamp": deals["created_date"].min(),
        }
    )


def _users(deals: pd.DataFrame) -> pd.DataFrame:
    managers = deals.groupby("owner_id")["manager"].first()
    names = pd.Index(managers.index).union(pd.Index(managers.dropna().unique()))
    born = deals["created_date"].min()
    users = pd.DataFrame(
        {
            "id": names,
            "name": names,
            "is_active": True,
            "manager_id": managers.reindex(names).to_numpy(),
            "created_date": born,
            "system_modstamp": born,
        }
    )
    if deals["email"].isna().all():
        return users  # without the column, so that addresses from elsewhere stay
    return users.assign(email=deals.groupby("owner_id")["email"].first().reindex(names).to_numpy())


def _accounts(deals: pd.DataFrame) -> pd.DataFrame:
    ids = _account_ids(deals)
    accounts = pd.DataFrame(
        {"id": ids, "name": ids, "industry": deals["industry"], "created_date": deals["created_date"]}
    )
    accounts = accounts.dropna(subset="id").sort_values("created_date", kind="stable").drop_duplicates("id")
    return accounts.assign(system_modstamp=accounts["created_date"])


def _account_ids(deals: pd.DataFrame) -> pd.Series:
    """The account's name; where a file has no accounts but industries, each deal gets an account of its own."""
    if deals["account"].isna().all() and deals["industry"].notna().any():
        return "Account of " + deals["id"]
    return deals["account"]


def _opportunities(deals: pd.DataFrame) -> pd.DataFrame:
    product = deals["product"].astype(object)
    account = _account_ids(deals).astype(object)
    name = account.where(account.notna(), deals["id"]) + (" - " + product).where(product.notna(), "")
    return pd.DataFrame(
        {
            **{c: deals[c] for c in ("id", "owner_id", "close_date", "region", "lead_source", "is_closed", "is_won")},
            "name": name,
            "account_id": account,
            "product": product,
            "stage_name": deals["outcome"].fillna(deals["stage_name"]),
            "amount": deals["final_amount"].where(deals["is_closed"]).fillna(deals["amount"]),
            "created_date": deals["created_date"],
            "system_modstamp": deals["closed_at"].fillna(deals["created_date"]),
        }
    )


def _history(deals: pd.DataFrame) -> pd.DataFrame:
    """A row at creation, with nothing of what came later, and a row at closing."""
    opened = pd.DataFrame(
        {
            "id": deals["id"] + " opened",
            "opportunity_id": deals["id"],
            "stage_name": deals["stage_name"],
            "amount": deals["amount"],
            "close_date": pd.NaT,
            "created_date": deals["created_date"],
        }
    )
    closed = opened.assign(
        id=deals["id"] + " shut",
        stage_name=deals["outcome"],
        amount=deals["final_amount"].fillna(deals["amount"]),
        close_date=deals["close_date"],
        created_date=deals["closed_at"],
    )[deals["is_closed"].to_numpy()]
    rows = pd.concat([opened, closed], ignore_index=True)
    return rows.assign(system_modstamp=rows["created_date"])


def _arrow(name: str, frame: pd.DataFrame) -> pa.Table:
    """`frame` as Arrow, with the columns of its table that it has."""
    table = crm_table(name)
    columns = [column for column in table.columns if column.name in frame.columns]
    schema = arrow_schema(table, columns)
    dates = {c.name: pd.to_datetime(frame[c.name]).dt.date for c in columns if c.type == "date"}
    return pa.Table.from_pandas(frame.assign(**dates)[schema.names], schema=schema, preserve_index=False)
