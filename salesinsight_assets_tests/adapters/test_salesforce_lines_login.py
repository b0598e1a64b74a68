"""Lines 1 to 5 of a trusted sync, over TLS and into a real warehouse: how a sync gets its session and what it does without."""

from pathlib import Path

import pytest
import trustme

from salesinsight_assets.adapters.salesforce import LoginError, SalesforceCallError
from salesinsight_assets.adapters.salesforce.refresh_tokens import FILE_NAME
from salesinsight_assets.demo.server.faults import catalogue
from salesinsight_assets.domain.crm.tables import OPPORTUNITIES, OPPORTUNITY_STAGES
from salesinsight_assets.settings import load_settings
from salesinsight_assets_tests.adapters.synced_org import ONLY_BULK, ONLY_REST, SyncedOrg, assert_passes


@pytest.mark.salesforce(1)
@pytest.mark.parametrize("auth", ["client_credentials", "jwt", "refresh_token", "password"])
def test_a_sync_by_each_way_to_log_in_is_whole(unsynced: SyncedOrg, auth: str) -> None:
    unsynced.settings = load_settings(unsynced.server.environment(auth)).salesforce
    unsynced.sync(OPPORTUNITY_STAGES)
    unsynced.assert_equal(OPPORTUNITY_STAGES)
    assert unsynced.server.sessions.login_count == (2 if auth == "jwt" else 1)  # first learns the server's time


@pytest.mark.salesforce(1, 39)
def test_after_a_wrong_secret_the_next_sync_is_whole(unsynced: SyncedOrg) -> None:
    with pytest.raises(LoginError) as refused:
        unsynced.sync(OPPORTUNITY_STAGES, client_secret="not-this-one")
    assert "\n" not in str(refused.value)
    assert "not-this-one" not in repr(refused.value)
    unsynced.sync(OPPORTUNITY_STAGES)
    unsynced.assert_equal(OPPORTUNITY_STAGES)


@pytest.mark.salesforce(2)
def test_after_a_wrong_authority_the_next_sync_is_whole(unsynced: SyncedOrg, tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(tmp_path / "other.pem")
    with pytest.raises(SalesforceCallError, match="CERTIFICATE_VERIFY_FAILED"):
        unsynced.sync(OPPORTUNITY_STAGES, ca_bundle=str(tmp_path / "other.pem"))
    assert unsynced.server.sessions.login_count == 0
    unsynced.sync(OPPORTUNITY_STAGES)
    unsynced.assert_equal(OPPORTUNITY_STAGES)


@pytest.mark.salesforce(3)
def test_the_next_syncs_log_in_with_the_refresh_token_that_was_given_last(unsynced: SyncedOrg, tmp_path: Path) -> None:
    unsynced.server.sessions.rotates_refresh_tokens = True
    settings = load_settings(unsynced.server.environment("refresh_token")).salesforce
    given = []
    for _ in range(3):  # each sync reads its settings anew, as a process does
        unsynced.settings = settings
        unsynced.sync(OPPORTUNITY_STAGES, state_directory=tmp_path)
        given.append(unsynced.server.sessions.refresh_token)
        assert given[-1] in (tmp_path / FILE_NAME).read_text()
    assert len(set(given)) == 3
    unsynced.assert_equal(OPPORTUNITY_STAGES)


@pytest.mark.salesforce(3, 4)
def test_a_session_that_dies_is_renewed_with_the_refresh_token_given_last(unsynced: SyncedOrg, tmp_path: Path) -> None:
    unsynced.server.sessions.rotates_refresh_tokens = True
    unsynced.settings = load_settings(unsynced.server.environment("refresh_token")).salesforce
    end = catalogue.session_end(unsynced.server.faults)
    results = assert_passes(unsynced, end, OPPORTUNITIES, calls=1, after=4, page_size=20, state_directory=tmp_path)
    assert results["opportunities"].status == "complete"
    assert unsynced.server.sessions.login_count == 3  # two by the hurt sync


@pytest.mark.salesforce(4, 5)
@pytest.mark.parametrize("threshold", [ONLY_REST, ONLY_BULK], ids=["rest", "bulk"])
@pytest.mark.parametrize("after", [0, 1, 3, 5, 6])
def test_a_session_that_dies_in_mid_sync_is_renewed_once(unsynced: SyncedOrg, threshold: int, after: int) -> None:
    unsynced.part_rows = 20
    end = catalogue.session_end(unsynced.server.faults)
    results = assert_passes(unsynced, end, OPPORTUNITIES, calls=1, after=after, bulk_threshold=threshold, page_size=20)
    assert results["opportunities"].status == "complete"
    assert unsynced.server.sessions.login_count == 3  # two by the hurt sync


@pytest.mark.salesforce(4)
@pytest.mark.parametrize("after", [0, 3])
def test_a_session_refused_for_ever_ends_the_sync_soon(unsynced: SyncedOrg, after: int) -> None:
    assert_passes(unsynced, catalogue.unauthorized(), OPPORTUNITIES, after=after)
    assert unsynced.server.sessions.login_count == 3  # two by the hurt sync


@pytest.mark.salesforce(5)
@pytest.mark.parametrize("calls", [1, None], ids=["once", "for ever"])
def test_a_query_whose_locator_died_starts_again(unsynced: SyncedOrg, calls: int | None) -> None:
    results = assert_passes(
        unsynced, catalogue.dead_locators(), OPPORTUNITIES, calls=calls, bulk_threshold=ONLY_REST, page_size=20
    )
    assert results["opportunities"].status == ("complete" if calls else "failed")
