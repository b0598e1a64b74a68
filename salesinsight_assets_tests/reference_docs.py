"""The parts of docs/ that are lists of what the code declares; `make docs` writes them, a test compares them."""

from collections.abc import Callable
from itertools import groupby
from pathlib import Path

from salesinsight_assets.domain.expectations import EXPECTATIONS
from salesinsight_assets.domain.features import CATALOGUE

DOCS = Path(__file__).parents[1] / "docs"


def features_page() -> str:
    lines = [
        "# Features",
        "",
        f"The {len(CATALOGUE)} numbers known about an open deal as of a moment. A value that is unknown takes the default; `norm`",
        "is the feature that holds what is usual for the deal (else the median of the open deals). Features of one *fact* are",
        "told to a rep as one reason; the facts are also the keys of the playbook (see [rules.md](rules.md)).",
    ]
    for family, features in groupby(CATALOGUE, key=lambda feature: feature.family):
        lines += ["", f"## {family}", "", "| feature | unit | what it measures | fact | norm | default |"]
        lines += ["|---|---|---|---|---|---|"]
        for f in features:
            norm = "1" if f.norm == "one" else f"`{f.norm}`" if f.norm else "median"
            default = "norm" if f.default is None else f"{f.default:g}"
            lines.append(f"| `{f.name}` | {f.unit} | {f.sentence} | {f.reason} | {norm} | {default} |")
    return "\n".join(lines) + "\n"


def checks_page() -> str:
    lines = [
        "# Checks",
        "",
        "What must hold for each table, run by Great Expectations inside PostgreSQL on every materialization. A failed *critical*",
        "expectation is an error and stops what lies downstream, a failed *warning* is shown. Both list the failing rows.",
        "",
        "Beside them: `opportunities: upload_accepted` (a CSV upload is taken whole or refused whole),",
        "`opportunity_scores: every_open_deal_is_scored`, and `rep_alerts: no_rep_gets_more_than_the_cap`.",
    ]
    for table, expectations in EXPECTATIONS.items():
        lines += ["", f"## {table}", ""]
        lines += [f"- {e.severity}: {e.name}" for e in expectations]
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {"features.md": features_page, "checks.md": checks_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
