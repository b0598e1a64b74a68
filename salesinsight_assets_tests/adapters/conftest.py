"""A scripted Salesforce over TLS with the settings that lead to it, and made-up companies with theirs and a warehouse."""

import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import trustme

from salesinsight_assets.adapters.salesforce import SalesforceClient, retry
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.settings import SalesforceSettings
from salesinsight_assets_tests.adapters.scripted_salesforce import SECRET, Desk, Org, Server
from salesinsight_assets_tests.adapters.synced_org import SyncedOrg, served_org


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


# --- made-up companies ---


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of some 300 deals."""
    path = tmp_path_factory.mktemp("company") / "company.db"
    DemoCompany.create(path, date(2025, 6, 1), years=0.5, size=0.2).close()
    return path


@pytest.fixture(scope="session")
def founded_small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A company of some 60 deals."""
    path = tmp_path_factory.mktemp("small-company") / "company.db"
    DemoCompany.create(path, date(2025, 6, 1), years=0.2, size=0.1).close()
    return path


@pytest.fixture
def large_org(founded: Path, tmp_path: Path, warehouse: Warehouse) -> Iterator[SyncedOrg]:
    """The larger company and an empty warehouse."""
    with served_org(founded, tmp_path, warehouse) as served:
        yield served


@pytest.fixture
def unsynced(
    founded_small: Path, tmp_path: Path, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SyncedOrg]:
    """The small company and an empty warehouse, with short waits before a call is repeated."""
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.01)
    with served_org(founded_small, tmp_path, warehouse) as served:
        yield served


@pytest.fixture(scope="session")
def synced_database(
    founded_small: Path,
    tmp_path_factory: pytest.TempPathFactory,
    kept_database: Callable[[str, str], str],
    template_database: str,
) -> str:
    """The name of a database that is equal to the small company."""
    warehouse = Warehouse(kept_database("after_a_sync", template_database))
    with served_org(founded_small, tmp_path_factory.mktemp("first-sync"), warehouse) as served:
        served.sync()
    warehouse.close()
    return "after_a_sync"


@pytest.fixture
def synced(
    founded_small: Path,
    tmp_path: Path,
    synced_database: str,
    new_database: Callable[[str], Warehouse],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[SyncedOrg]:
    """The small company and a warehouse that is equal to it, with short waits before a call is repeated."""
    monkeypatch.setattr(retry, "FIRST_WAIT_SECONDS", 0.01)
    with served_org(founded_small, tmp_path, new_database(synced_database)) as served:
        yield served
