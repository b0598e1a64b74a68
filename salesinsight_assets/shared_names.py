"""Names that the code locations of one Dagster share: keys and groups of assets, pools, tags of runs, the location itself.

Each company of a deployment has a code location of its own, but Dagster knows an asset, its checks and its partitions, and a pool,
by name alone: two locations with the key `opportunities` would take each other's materializations for their own. With
SALESINSIGHT_COMPANY set, its name therefore stands before each of them; without, names are plain.
"""

from collections.abc import Iterable

import dagster as dg

from salesinsight_assets.companies import COMPANY_TAG
from salesinsight_assets.settings import load_settings

COMPANY = load_settings().company
"""The company of this process's code location; None where it is the only one."""

KEY_PREFIX = [COMPANY] if COMPANY else []
"""Before the key of every asset."""

LOCATION = COMPANY or "salesinsight"
"""The name of the code location."""

RUN_TAGS = {COMPANY_TAG: COMPANY} if COMPANY else {}
"""On every run that starts by itself, so that Dagster can limit the runs of each company."""


LOCATION_TAGS = {".dagster/repository": f"__repository__@{LOCATION}"} if COMPANY else {}
"""Dagster's own tag on the runs of this code location, to read them alone where several companies share its database."""


def asset_key(name: str) -> dg.AssetKey:
    """The key of an asset by its name, such as `opportunities` or `salesforce/Account`."""
    return dg.AssetKey([*KEY_PREFIX, *name.split("/")])


def asset_name(key: dg.AssetKey) -> str:
    """The name of an asset by its key, without the company."""
    return "/".join(key.path[len(KEY_PREFIX) :])


def groups(*names: str) -> dg.AssetSelection:
    """The assets of this location's groups: `crm`, or `acme_crm` where there are several companies."""
    return dg.AssetSelection.groups(*("_".join([*KEY_PREFIX, name]) for name in names))


def stage_of(group: str | None) -> str:
    """The stage of a location's group, such as `crm` for `acme_crm`."""
    return (group or "").removeprefix("_".join([*KEY_PREFIX, ""]))


def in_groups(assets: Iterable[dg.AssetsDefinition | dg.AssetSpec]) -> list[dg.AssetsDefinition | dg.AssetSpec]:
    """`assets` in groups of the company's own: the lineage of several companies would put them in the same ones."""
    if not COMPANY:
        return list(assets)
    prefix = f"{COMPANY}_"
    return list(dg.map_asset_specs(lambda s: s.replace_attributes(group_name=f"{prefix}{s.group_name}"), assets))


def pool(name: str) -> str:
    """The name of a pool, which holds for this company alone."""
    return "_".join([*KEY_PREFIX, name])


def is_ours(location: str | None) -> bool:
    """Whether a code location is this one; where there is one company, all are."""
    return COMPANY is None or location in (None, LOCATION)


def named(text: str) -> str:
    """A message with the company that it is about, where there are several."""
    return f"{COMPANY}: {text}" if COMPANY else text
