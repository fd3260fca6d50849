"""HubSpot's own Python client reads the whole portal."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingestion.sandbox import credentials
from ingestion.sandbox.server import SandboxServer
from ingestion.sandbox.snapshot import Snapshot

pytestmark = pytest.mark.clients
hubspot = pytest.importorskip("hubspot")


@pytest.fixture
def client(server: SandboxServer) -> hubspot.HubSpot:
    return hubspot.HubSpot(
        access_token=credentials.HUBSPOT_ACCESS_TOKEN, ssl_ca_cert=str(Path(str(server.ca_file)))
    )


def alive(held: Snapshot, table: str) -> set[str]:
    return {
        str(entity.id)
        for entity in held.entities(table).values()
        if not entity.is_deleted and entity.merged_into is None
    }


@pytest.mark.parametrize(
    ("kind", "table"),
    [("companies", "accounts"), ("contacts", "people"), ("deals", "deals"), ("line_items", "contracts")],
)
def test_it_lists_every_object(client: hubspot.HubSpot, held: Snapshot, kind: str, table: str) -> None:
    found = getattr(client.crm, kind).get_all()

    assert {item.id for item in found} == alive(held, table)


def test_it_reads_histories_and_associations_of_deals(client: hubspot.HubSpot, held: Snapshot) -> None:
    moved = next(
        entity
        for entity in held.entities("deals").values()
        if len(entity.changes) > 1 and not entity.is_deleted
    )

    deal = client.crm.deals.basic_api.get_by_id(
        str(moved.id), properties_with_history=["dealstage"], associations=["companies"]
    )

    changes = [change for change in moved.changes if change.field == "stage_id"]
    versions = deal.properties_with_history["dealstage"]
    assert len(versions) == len(changes) + 1
    assert versions[0].value == deal.properties["dealstage"] or deal.properties.get("dealstage") is None
    assert deal.associations["companies"].results[0].id == str(moved.row["account_id"])


def test_it_searches_by_time_of_change(client: hubspot.HubSpot, held: Snapshot) -> None:
    from hubspot.crm.contacts import Filter, FilterGroup, PublicObjectSearchRequest

    since = Filter(property_name="lastmodifieddate", operator="GTE", value="0")
    request = PublicObjectSearchRequest(filter_groups=[FilterGroup(filters=[since])], limit=200, sorts=[])

    page = client.crm.contacts.search_api.do_search(public_object_search_request=request)

    assert page.total == len(alive(held, "people"))


def test_it_reads_owners_pipelines_and_association_batches(client: hubspot.HubSpot, held: Snapshot) -> None:
    from hubspot.crm.associations.v4 import (
        BatchInputPublicFetchAssociationsBatchRequest,
        PublicFetchAssociationsBatchRequest,
    )

    deals = sorted(alive(held, "deals"))[:50]
    wanted = BatchInputPublicFetchAssociationsBatchRequest(
        inputs=[PublicFetchAssociationsBatchRequest(id=deal) for deal in deals]
    )

    batch = client.crm.associations.v4.batch_api.get_page(
        from_object_type="deals",
        to_object_type="companies",
        batch_input_public_fetch_associations_batch_request=wanted,
    )

    assert {item._from.id for item in batch.results} == set(deals)
    assert len(client.crm.pipelines.pipelines_api.get_all("deals").results) == len(held.rows("pipelines"))
    assert client.crm.owners.owners_api.get_page().results


def test_a_wrong_token_is_refused(server: SandboxServer) -> None:
    client = hubspot.HubSpot(access_token="wrong", ssl_ca_cert=str(server.ca_file))

    with pytest.raises(hubspot.crm.contacts.exceptions.UnauthorizedException):
        client.crm.contacts.basic_api.get_page()
