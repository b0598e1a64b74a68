"""Calls that nobody would think of: none makes the API fail, and every answer is as its description says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from salesinsight_assets.adapters.dashboard.api_tokens import ApiTokens
from salesinsight_assets.adapters.dashboard.rows import Database
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.domain.access.scopes import SCOPES
from salesinsight_assets.web import limits
from salesinsight_assets.web.api.contents import API
from salesinsight_assets.web.api.reference import description
from salesinsight_assets_tests.web.conftest import BREAKFAST, Dashboard, dashboard_on
from salesinsight_assets_tests.web.small_office import ACCESS, ENGINEER

pytestmark = pytest.mark.slow
PATIENT = {"access": {**ACCESS["access"], "api_calls_per_minute": 1_000_000}}


def _can_be_wrong(operation: dict[str, Any]) -> bool:
    """Any text may be the Id of a deal."""
    return "requestBody" in operation or any(one["in"] == "query" for one in operation.get("parameters", []))


CONFIG = SchemathesisConfig.from_dict({"generation": {"with-security-parameters": False}})
"""Every call bears our token: that others are refused is tested elsewhere, and by schemathesis beside each call."""
OPERATIONS = [
    (path, method, mode)
    for path, methods in description(API)["paths"].items()
    for method, operation in methods.items()
    for mode in GenerationMode
    if mode.is_positive or _can_be_wrong(operation)
]
CALLS = settings(
    max_examples=30,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@dataclass
class Described:
    """What the API says of itself, and the headers of a caller who may do all of it."""

    document: Any
    headers: dict[str, str]
    dashboard: Dashboard


@contextmanager
def patient_limits() -> Iterator[None]:
    """Thousands of wrong tokens within a moment are no attack here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "_FAILURES_PER_MINUTE", 1_000_000)
        yield


@pytest.fixture(scope="module")
def described(kept_database, night_database) -> Iterator[Described]:
    """On a real server."""
    warehouse = Warehouse(kept_database("api_fuzzed", night_database))
    database = Database(warehouse.url)
    with patient_limits(), dashboard_on(warehouse, PATIENT) as dashboard:
        token, _ = ApiTokens(database).create("fuzz", ENGINEER, list(SCOPES), BREAKFAST, 30)
        document = schemathesis.openapi.from_url(f"{dashboard.url}/api/v1/openapi.json", config=CONFIG)
        yield Described(document, {"Authorization": f"Bearer {token}"}, dashboard)
    database.close()
    warehouse.close()


@pytest.mark.parametrize(("path", "method", "mode"), OPERATIONS)
def test_no_call_makes_the_api_fail_or_answer_otherwise_than_described(described, path, method, mode) -> None:
    @CALLS
    @given(case=described.document[path][method].as_strategy(generation_mode=mode))
    def called(case) -> None:
        case.call_and_validate(headers=described.headers, timeout=30)

    called()


def test_answers_on_deals_that_there_are_are_as_described(described) -> None:
    deals = described.dashboard.deals_of(described.dashboard.user_id("rep"))[:3]
    for path in sorted({path for path, _, _ in OPERATIONS if "{opportunity_id}" in path}):
        for deal in deals:
            case = described.document[path]["get"].Case(path_parameters={"opportunity_id": deal})
            assert case.call_and_validate(headers=described.headers, timeout=30).status_code == 200
