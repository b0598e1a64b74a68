"""A scripted Salesforce over TLS and the settings that lead to it."""

import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from salesinsight_assets.adapters.salesforce import SalesforceClient, retry
from salesinsight_assets.settings import SalesforceSettings
from salesinsight_assets_tests.adapters.scripted_salesforce import SECRET, Desk, Org, Server


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def server(authority: trustme.CA) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    listening = Server(("localhost", 0), Desk)
    listening.socket = context.wrap_socket(listening.socket, server_side=True, do_handshake_on_connect=False)
    listening.url = f"https://localhost:{listening.server_port}"
    threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield listening
    listening.shutdown()
    listening.server_close()


@pytest.fixture
def org(server: Server, monkeypatch: pytest.MonkeyPatch) -> Org:
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.01)
    server.org = Org()
    return server.org


@pytest.fixture
def settings(server: Server, authority: trustme.CA, tmp_path: Path) -> SalesforceSettings:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return SalesforceSettings(
        login_url=server.url,
        client_id="app",
        client_secret=SECRET,
        ca_bundle=str(tmp_path / "ca.pem"),
        timeout_seconds=5,
        retry_budget_seconds=10,
    )


@pytest.fixture
def by_bulk(settings: SalesforceSettings) -> SalesforceClient:
    return SalesforceClient(replace(settings, bulk_threshold=1), bulk_part_rows=2)
