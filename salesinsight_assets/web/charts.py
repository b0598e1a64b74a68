"""Pictures of charts behind their own addresses, one for each look; who may see the page may see its picture, and nobody else."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Literal

import pandas as pd
from fastapi import Depends, Request
from fastapi.responses import Response

from salesinsight_assets.adapters.page_plots import Look, svg
from salesinsight_assets.web.kept import keep

if TYPE_CHECKING:
    from salesinsight_assets.adapters.page_plots import Chart

WIDTHS = {"wide": 640, "narrow": 340}
ADDRESS = "/charts/{size}/{theme}"
"""What the address of every picture begins with; the page chooses by the screen (see the macro `picture`)."""
_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"}
"""A picture brings its own styles, and runs nothing, also where it is opened by itself."""


def _look(request: Request, size: Literal["wide", "narrow"], theme: Literal["light", "dark"]) -> Look:
    keep(request)
    return Look(WIDTHS[size], theme == "dark")


LookOf = Annotated[Look, Depends(_look)]


def picture(look: Look, draw: "Callable[..., Chart]", *data: pd.DataFrame | str) -> Response:
    """The answer that holds the chart that `draw` makes of some data."""
    return Response(svg(look, draw, *data), media_type="image/svg+xml", headers=_HEADERS)
