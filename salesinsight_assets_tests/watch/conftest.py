"""Where pages go in the tests of the night watch."""

from collections.abc import Generator

import pytest

from salesinsight_assets_tests.scripted_slack import ScriptedSlack, scripted_slack


@pytest.fixture
def slack() -> Generator[ScriptedSlack]:
    """A Slack of this test's own."""
    with scripted_slack() as server:
        yield server
