"""Where the pages of the drills go, and the Salesforce that they read: one of each, for all of them."""

from collections.abc import Iterator

import pytest

from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets_tests.drill.deployment import salesforce_of_today
from salesinsight_assets_tests.scripted_slack import ScriptedSlack, scripted_slack


@pytest.fixture(scope="package")
def slack() -> Iterator[ScriptedSlack]:
    """What one drill left in it, the next one forgets."""
    with scripted_slack() as server:
        yield server


@pytest.fixture(scope="package")
def salesforce_now(small_company, tmp_path_factory) -> Iterator[DemoSalesforce]:
    with salesforce_of_today(small_company, tmp_path_factory.mktemp("salesforce")) as server:
        yield server
