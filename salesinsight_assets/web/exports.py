"""Rows to take along, as CSV: what is seen, and noted down who took it."""

import csv
import io
from collections.abc import Sequence

from fastapi.responses import Response

from salesinsight_assets.adapters.dashboard.rows import Row
from salesinsight_assets.domain.crm.uploads.cells import marked
from salesinsight_assets.web.visits import Visit


def csv_file(visit: Visit, name: str, columns: Sequence[str], rows: Sequence[Row]) -> Response:
    """A file of some columns. A text that a spreadsheet would run as a formula gets an apostrophe, as in every export."""
    identity = visit.viewer.identity
    visit.site.audit.note(
        "took rows along", visit.site.clock(), email=identity.email, about=f"{name}: {len(rows)} rows"
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        cells = (row[column] for column in columns)
        writer.writerow([marked(cell) if isinstance(cell, str) else cell for cell in cells])
    return Response(
        text.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
