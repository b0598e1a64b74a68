"""The API's description as OpenAPI, and the same as a page to read, with a call of each operation to copy. Neither needs a sign-in."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse, JSONResponse
from markupsafe import Markup, escape

from salesinsight_assets.domain.access.scopes import SCOPES
from salesinsight_assets.web.frame import bare_page
from salesinsight_assets.web.problems import PROBLEM_SCHEMA

OPENAPI, DOCS = "/api/v1/openapi.json", "/docs"
VERSION = "1"
_ABOUT = (
    "Scores, reasons and alerts of open deals. A token acts as a person: it shows the deals that this person may see, at each"
    " call, and no others; a deal that is not theirs is one that does not exist. Errors are problem details (RFC 9457)."
)
_EXAMPLES = {"limit": "50", "opportunity_id": "006Hu00003abcDEFGH", "risk_level": "HIGH", "status": "to_send"}
"""Values of parameters in the calls to copy; the others are left out."""


def reference_router(routers: Sequence[APIRouter]) -> APIRouter:
    """The two addresses, for the operations of some routers."""
    made = APIRouter(include_in_schema=False)
    described = cache(lambda: description(routers))

    @made.get(OPENAPI)
    def openapi() -> JSONResponse:
        return JSONResponse(described(), headers={"Cache-Control": "public, max-age=300"})

    @made.get(DOCS)
    def docs(request: Request) -> HTMLResponse:
        return _page(request, described())

    return made


def description(routers: Sequence[APIRouter]) -> dict[str, Any]:
    """The OpenAPI document of the operations of some routers."""
    routes = [route for router in routers for route in router.routes]
    document = get_openapi(title="SalesInsight", version=VERSION, description=_ABOUT, routes=routes)
    document["components"]["schemas"]["Problem"] = PROBLEM_SCHEMA
    return document


def _page(request: Request, document: Mapping[str, Any]) -> HTMLResponse:
    links = request.app.state.site.settings.links
    base = links.base_url if links else str(request.base_url).rstrip("/")
    groups: dict[str, list[dict[str, Any]]] = {}
    for operation in operations(document, base):
        groups.setdefault(operation["tag"], []).append(operation)
    return bare_page(
        "reference.html.jinja",
        about=document["info"]["description"],
        groups=groups,
        scopes=SCOPES,
        openapi=OPENAPI,
        marked=marked,
    )


def marked(text: str) -> Markup:
    """A text in which `names` are set as code.

    >>> str(marked("of `day` & more"))
    'of <code>day</code> &amp; more'
    """
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def operations(document: Mapping[str, Any], base: str) -> Iterable[dict[str, Any]]:
    """Each operation as the page shows it: `anchor`, `method`, `path`, `summary`, `text`, `scopes`, `parameters`, `curl` and so on."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            scopes = [scope for way in operation.get("security", []) for scope in way.get("token", [])]
            body = _schema_of(operation.get("requestBody", {}).get("content", {}), document)
            yield {
                "anchor": f"{method}{path.removeprefix('/api/v1')}".replace("/", "-").translate({123: None, 125: None}),
                "tag": operation["tags"][0],
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "text": operation.get("description", ""),
                "is_open": not operation.get("security"),
                "scopes": scopes,
                "parameters": [_parameter(one, document) for one in operation.get("parameters", [])],
                "body": body and [_property(name, one, document) for name, one in body["properties"].items()],
                "answer": _answer(operation, document),
                "problems": [
                    (status, told["description"])
                    for status, told in operation["responses"].items()
                    if int(status) >= 400
                ],
                "curl": _curl(method.upper(), path, operation, body, base),
            }


def _answer(operation: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    schema = _schema_of(operation["responses"]["200"].get("content", {}), document)
    if not schema or "properties" not in schema:
        return {"text": "Plain text.", "fields": []}
    fields = [_property(name, one, document) for name, one in schema["properties"].items()]
    return {"text": schema.get("description", ""), "fields": fields}


def _schema_of(content: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any] | None:
    found = next((kind["schema"] for kind in content.values() if "schema" in kind), None)
    return None if found is None else _resolved(found, document)


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    name = schema.get("$ref", "").rpartition("/")[2]
    return document["components"]["schemas"][name] if name else dict(schema)


def _parameter(one: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, str]:
    schema = one["schema"]
    default = schema.get("default")
    said = [one.get("description", ""), f"Default: {default}." if default not in (None, "") else ""]
    return {
        "name": one["name"],
        "kind": _kind(schema, document),
        "place": one["in"],
        "text": " ".join(part for part in said if part),
    }


def _property(name: str, schema: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """A field; one of a list of objects names the fields of those too."""
    items = _resolved(schema.get("items", {}), document)
    within = [_property(n, one, document) for n, one in items.get("properties", {}).items()]
    return {"name": name, "kind": _kind(schema, document), "within": within}


def _kind(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """The type of a value in words.

    >>> _kind({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}, {})
    'date or null'
    """
    if "anyOf" in schema:
        return " or ".join(_kind(one, document) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {_resolved(schema['items'], document).get('title', 'values')}"
    return str(schema.get("format") or schema.get("type") or _resolved(schema, document).get("title", "object"))


def _curl(method: str, path: str, operation: Mapping[str, Any], body: Mapping[str, Any] | None, base: str) -> str:
    """A call to copy."""
    given = {one["name"]: _EXAMPLES.get(one["name"]) for one in operation.get("parameters", []) if one["in"] == "query"}
    query = urlencode({name: value for name, value in given.items() if value})
    address = f"{base}{path.format(**_EXAMPLES)}{'?' + query if query else ''}"
    parts = [f"curl {'-X ' + method + ' ' if method != 'GET' else ''}'{address}'"]
    if operation.get("security"):
        parts.append('-H "Authorization: Bearer $SALESINSIGHT_TOKEN"')
    if body is not None:
        parts += ["-H 'Content-Type: application/json'", f"-d '{json.dumps(body.get('examples', [{}])[0])}'"]
    return " \\\n  ".join(parts)
