"""Data Docs: Great Expectations' own pages of the latest results, as a site of files that needs no network.

Great Expectations' pages load styles, scripts and pictures from elsewhere. Here only what they say is kept, with styles of our own
and a policy that forbids a browser to load anything. Each check keeps its result as JSON; the pages are made once, at the end of the night.
"""

import html
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salesinsight_assets.adapters.expectations import rendered_page
from salesinsight_assets.domain.plain_text import one_line

FOLDER = "data_docs"
RESULTS = "results"
INDEX = "index.html"
_BODY = re.compile(r'<div class="container-fluid.*(?=<footer>)', re.DOTALL)
_LOADED = re.compile(r"<(script|style)\b.*?</\1>|<link\b[^>]*>|<img\b[^>]*>", re.DOTALL)
_HANDLER = re.compile(r'\s(?:onclick|onload)="[^"]*"')
_SUITE_LINK = re.compile(r'<a href="\.\./[^"]*"\s*>(.*?)</a>', re.DOTALL)
_HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>{style}</style></head><body>
"""
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1rem 1.5rem 3rem; }
h1, h2, h4, h5, h6, .h6 { margin: 0; line-height: 1.3; } h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 1.5rem; }
h5 { font-size: 1.05rem; } .h6, h6 { font-size: .95rem; font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 1rem; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
.row { display: flex; flex-wrap: wrap; } .col-12 { width: 100%; } .col-6 { width: 50%; } .col-lg-2 { width: 100%; }
.col-md-10 { width: 100%; } .sticky, footer, a[data-toggle="collapse"] { display: none; }
.alert { background: var(--soft); border-left: .25rem solid var(--line); padding: .5rem .8rem; margin-top: 1rem; }
.table-responsive { width: 100%; } .text-success, .passed { color: #18794e; } .text-danger, .failed { color: #c62a2f; }
.text-warning { color: #ad5700; } .badge { border: 1px solid var(--line); border-radius: .25rem; padding: 0 .3rem; }
.fas { font-style: normal; } .fa-check-circle::before { content: "✓"; } .fa-times::before { content: "✗"; }
.fa-exclamation-triangle::before { content: "!"; } .cooltip .top { display: none; } .passed, .failed { font-weight: 600; }
@media (prefers-color-scheme: dark) { .text-success, .passed { color: #4cc38a; } .text-danger, .failed { color: #ff8589; } }
@media (max-width: 40rem) { .col-6 { width: 100%; } }
"""


@dataclass(frozen=True)
class Site:
    """The site as it stands: the results kept, those that failed, the pages made by this build, and the size in bytes."""

    index: Path
    results: int
    failed: int
    pages_made: int
    size: int


@dataclass(frozen=True)
class _Kept:
    """One result: of which asset, of which day or month, how many of its expectations held, and its files."""

    asset: str
    name: str
    held: int
    of: int
    result: Path
    page: Path


def keep_result(home: Path, asset: str, name: str, report: dict[str, Any]) -> Path:
    """Keep one validation of `asset` (as Great Expectations' JSON) under the name of its day; where its page will be.

    A result of the same day is replaced, and its page removed.
    """
    folder = home / FOLDER
    result = folder / RESULTS / asset / f"{name}.json"
    result.parent.mkdir(parents=True, exist_ok=True)
    page = _page(folder, asset, name)
    page.unlink(missing_ok=True)
    unfinished = result.with_suffix(".new")
    unfinished.write_text(json.dumps(report), encoding="utf-8")
    unfinished.replace(result)
    return page


def build(home: Path, kept_results: int) -> Site:
    """Make the pages that are missing of the newest result of each asset, and the index; drop all but `kept_results` an asset."""
    folder = home / FOLDER
    (folder / RESULTS).mkdir(parents=True, exist_ok=True)
    made, kept = 0, list[_Kept]()
    for results in sorted((folder / RESULTS).iterdir()):
        newest_first = sorted(results.glob("*.json"), reverse=True)
        for old in newest_first[kept_results:]:
            old.unlink()
            _page(folder, results.name, old.stem).unlink(missing_ok=True)
        found = [_kept(folder, results.name, path) for path in newest_first[:kept_results]]
        if found and not found[0].page.exists():
            _make_page(found[0])
            made += 1
        kept += found
    index = folder / INDEX
    index.write_text(_index(folder, kept), encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return Site(index, len(kept), sum(one.held < one.of for one in kept), made, size)


def loaded_from_elsewhere(home: Path) -> list[str]:
    """The addresses that a page of the site would load when it is opened; there should be none."""
    pages = (home / FOLDER).glob("**/*.html")
    loads = re.compile(r"<(?:script|img|link|iframe)\b[^>]*(?:src|href)=[\"']?([^\"'> ]+)|url\(([^)]+)\)")
    return sorted({one or two for page in pages for one, two in loads.findall(page.read_text(encoding="utf-8"))})


def _page(folder: Path, asset: str, name: str) -> Path:
    return folder / asset / f"{name}.html"


def _kept(folder: Path, asset: str, result: Path) -> _Kept:
    held = [bool(one["success"]) for one in json.loads(result.read_text(encoding="utf-8"))["results"]]
    return _Kept(asset, result.stem, sum(held), len(held), result, _page(folder, asset, result.stem))


def _make_page(kept: _Kept) -> None:
    """Great Expectations' page of a result, with what it says alone."""
    page = rendered_page(json.loads(kept.result.read_text(encoding="utf-8")))
    body = _BODY.search(page)
    said = _SUITE_LINK.sub(r"\1", _HANDLER.sub("", _LOADED.sub("", body[0] if body else page)))
    title = f"{kept.asset}, {kept.name}"
    top = f'<p><a href="../{INDEX}">All results</a></p><h1>{html.escape(title)}</h1>'
    kept.page.parent.mkdir(parents=True, exist_ok=True)
    kept.page.write_text(f"{_head(title)}{top}{said}</body></html>\n", encoding="utf-8")


def _head(title: str) -> str:
    return _HEAD.format(title=html.escape(title), style=_STYLE)


def _index(folder: Path, kept: list[_Kept]) -> str:
    """Every asset with its results, the newest first; those that failed come before the others."""
    by_asset: dict[str, list[_Kept]] = {}
    for one in kept:
        by_asset.setdefault(one.asset, []).append(one)
    order = sorted(by_asset.items(), key=lambda item: (item[1][0].held == item[1][0].of, item[0]))
    rows = "".join(_row(folder, asset, results) for asset, results in order)
    head = "<tr><th>Asset</th><th>Latest</th><th>Held</th><th>Before, newest first</th></tr>"
    failed = sum(results[0].held < results[0].of for results in by_asset.values())
    said = (
        f"{failed} of {len(by_asset)} assets failed an expectation in their latest result."
        if by_asset
        else "No results yet."
    )
    return f"{_head('Data Docs')}<h1>Data Docs</h1><p>{said}</p><table>{head}{rows}</table></body></html>\n"


def _row(folder: Path, asset: str, results: list[_Kept]) -> str:
    latest, *before = results
    earlier = " ".join(_linked(folder, one, f"{one.name} {'✓' if one.held == one.of else '✗'}") for one in before)
    return (
        f"<tr><td>{html.escape(one_line(asset))}</td><td>{_linked(folder, latest, latest.name)}</td>"
        f'<td class="{"passed" if latest.held == latest.of else "failed"}">{latest.held} of {latest.of}</td>'
        f"<td>{earlier}</td></tr>"
    )


def _linked(folder: Path, kept: _Kept, text: str) -> str:
    shown = html.escape(text)
    return f'<a href="{kept.page.relative_to(folder)}">{shown}</a>' if kept.page.exists() else shown
