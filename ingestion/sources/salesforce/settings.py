"""Settings of a Salesforce connection.

Belongs here: what a company tells dlt about its org. Does not belong here: credentials' values.
"""

from __future__ import annotations

from dlt.common.configuration import configspec
from dlt.common.typing import TSecretStrValue

from ingestion.settings import ConnectionSettings


@configspec
class SalesforceSettings(ConnectionSettings):
    """One org, read through an External Client App.

    Fields:
        base_url: the org's own domain, as `https://acme.my.salesforce.com`.
        client_id: consumer key of the External Client App.
        client_secret: consumer secret of the External Client App.
        refresh_token: of a user who authorised the app; unset, the app's own user is used (client
            credentials flow).
        api_version: of the REST API.
        account_key_field: field of Account by which product and support know a customer (`AccountNumber`, an
            external id); `Id` where they use Salesforce's own.
        segment_field, test_account_field: the company's own fields on Account; empty: there is none.
        loss_reason_field, loss_reason_text_field: the company's own fields on Opportunity.
        term_months_field: field of OpportunityLineItem with the months that it is sold for; empty there:
            sold once.
        starts_on_field, ends_on_field: fields of OpportunityLineItem with the first day, and the first
            unpaid one.
        team_field: field of User that names the team.
        survey_object: object with NPS answers; empty: there is none.
        survey_score_field, survey_comment_field, survey_answered_field: its fields with score, words, time.
        survey_contact_field, survey_account_field: its fields that name who answered.
        all_fields: read every field into the payload; false reads those that have a column.
        overlap_minutes: how far each run reads back before the last one, for long transactions.
        reread_every_days: how often everything is read anew: finds what left the bin, and formulas that
            changed.
        bulk_from_rows: from how many records on Bulk API 2.0 is used.
        rows_per_result: records in one result of a bulk job.
        poll_seconds: how long to wait before a bulk job is asked after again.
        most_api_usage_pct: at how much of the org's daily requests the run stops, so that others have some
            left.
        workers: objects read at once.
        rows_per_slice: records that are committed together.
    """

    base_url: str = None  # type: ignore[assignment]  # required: dlt's way to say so
    client_id: str = None  # type: ignore[assignment]
    client_secret: TSecretStrValue | None = None
    refresh_token: TSecretStrValue | None = None
    api_version: str = "66.0"
    account_key_field: str = "Id"
    segment_field: str = "Segment__c"
    test_account_field: str = "Is_Test_Account__c"
    loss_reason_field: str = "Loss_Reason__c"
    loss_reason_text_field: str = "Loss_Reason_Details__c"
    term_months_field: str = "Term_Months__c"
    starts_on_field: str = "ServiceDate"
    ends_on_field: str = "End_Date__c"
    team_field: str = "Department"
    survey_object: str = "NPS_Response__c"
    survey_score_field: str = "Score__c"
    survey_comment_field: str = "Comment__c"
    survey_contact_field: str = "Contact__c"
    survey_account_field: str = "Account__c"
    survey_answered_field: str = "Responded_At__c"
    all_fields: bool = True
    overlap_minutes: float = 10.0
    reread_every_days: float = 7.0
    bulk_from_rows: int = 20_000
    rows_per_result: int = 20_000
    poll_seconds: float = 2.0
    most_api_usage_pct: float = 90.0
    workers: int = 4
    rows_per_slice: int = 50_000
