"""The sandbox account's credentials, and the settings that point the ingestion at a running sandbox.

Belongs here: made-up credentials of the sandbox. Does not belong here: anything that opens a real account.
"""

from __future__ import annotations

from pathlib import Path

HUBSPOT_ACCESS_TOKEN = "pat-na1-00000000-norte-sandbox"
HUBSPOT_CLIENT_ID = "00000000-0000-4000-8000-000000000001"
HUBSPOT_CLIENT_SECRET = "sandbox-hubspot-client-secret"
HUBSPOT_REFRESH_TOKEN = "sandbox-hubspot-refresh-token"
HUBSPOT_PORTAL_ID = 1

ZENDESK_SUBDOMAIN = "norte-sandbox"
ZENDESK_CLIENT_ID = "norte"
ZENDESK_CLIENT_SECRET = "sandbox-zendesk-client-secret"
ZENDESK_EMAIL = "pipeline@norte.example"
ZENDESK_API_TOKEN = "sandbox-zendesk-api-token"
ZENDESK_JIRA_INTEGRATION = "norte-jira"

MIXPANEL_USERNAME = "norte.sandbox.mp-service-account"
MIXPANEL_SECRET = "sandbox-mixpanel-secret"
MIXPANEL_PROJECT_SECRET = "sandbox-mixpanel-project-secret"
MIXPANEL_PROJECT_ID = "2026001"
MIXPANEL_DATA_GROUP_ID = "900100"

AMPLITUDE_API_KEY = "sandbox-amplitude-api-key"
AMPLITUDE_SECRET_KEY = "sandbox-amplitude-secret-key"
AMPLITUDE_PROJECT_ID = "187520"

POSTHOG_API_KEY = "phx_sandbox_posthog_api_key"
POSTHOG_PROJECT_ID = "2026"

INTERCOM_ACCESS_TOKEN = "sandbox-intercom-access-token"
INTERCOM_APP_ID = "nortesbx"
INTERCOM_EMAIL = "pipeline@norte.example"

SALESFORCE_DOMAIN = "norte-sandbox"
SALESFORCE_ORG_ID = "00DRO00000000012AA"
SALESFORCE_ACCESS_TOKEN = "00DRO0000000001!sandbox-salesforce-session"
SALESFORCE_CLIENT_ID = "sandbox-salesforce-consumer-key"
SALESFORCE_CLIENT_SECRET = "sandbox-salesforce-consumer-secret"
SALESFORCE_REFRESH_TOKEN = "sandbox-salesforce-refresh-token"

JIRA_SITE = "norte-sandbox"
JIRA_CLOUD_ID = "11111111-2222-4333-8444-555555555555"
JIRA_EMAIL = "pipeline@norte.example"
JIRA_API_TOKEN = "sandbox-jira-api-token"
JIRA_OAUTH_TOKEN = "sandbox-jira-oauth-token"
JIRA_PERSONAL_ACCESS_TOKEN = "sandbox-jira-personal-access-token"
JIRA_USERNAME = "pipeline"
JIRA_PASSWORD = "sandbox-jira-password"


def connection_env(base_url: str, governance_dir: Path, person_key_secret: str) -> dict[str, str]:
    """Every setting that makes the ingestion talk to a sandbox.

    Arguments:
        base_url: where the sandbox listens, as `http://127.0.0.1:8100`.
        governance_dir: the folder of the company's governance files.
        person_key_secret: the world's secret for personal keys.
    """
    base = base_url.rstrip("/")
    return {
        "SOURCES__HUBSPOT__BASE_URL": f"{base}/hubspot",
        "SOURCES__HUBSPOT__ACCESS_TOKEN": HUBSPOT_ACCESS_TOKEN,
        "SOURCES__SALESFORCE__BASE_URL": f"{base}/salesforce",
        "SOURCES__SALESFORCE__CLIENT_ID": SALESFORCE_CLIENT_ID,
        "SOURCES__SALESFORCE__CLIENT_SECRET": SALESFORCE_CLIENT_SECRET,
        # The customer number by which the product and support know an account.
        "SOURCES__SALESFORCE__ACCOUNT_KEY_FIELD": "AccountNumber",
        "SOURCES__ZENDESK__BASE_URL": f"{base}/zendesk",
        "SOURCES__ZENDESK__CLIENT_ID": ZENDESK_CLIENT_ID,
        "SOURCES__ZENDESK__CLIENT_SECRET": ZENDESK_CLIENT_SECRET,
        "SOURCES__MIXPANEL__DATA_BASE_URL": f"{base}/mixpanel",
        "SOURCES__MIXPANEL__API_BASE_URL": f"{base}/mixpanel",
        "SOURCES__MIXPANEL__USERNAME": MIXPANEL_USERNAME,
        "SOURCES__MIXPANEL__SECRET": MIXPANEL_SECRET,
        "SOURCES__MIXPANEL__PROJECT_ID": MIXPANEL_PROJECT_ID,
        "SOURCES__MIXPANEL__PROJECT_TIME_ZONE": "UTC",
        "SOURCES__MIXPANEL__DATA_GROUP_ID": MIXPANEL_DATA_GROUP_ID,
        "SOURCES__AMPLITUDE__BASE_URL": f"{base}/amplitude",
        "SOURCES__AMPLITUDE__API_KEY": AMPLITUDE_API_KEY,
        "SOURCES__AMPLITUDE__SECRET_KEY": AMPLITUDE_SECRET_KEY,
        "SOURCES__POSTHOG__BASE_URL": f"{base}/posthog",
        "SOURCES__POSTHOG__API_KEY": POSTHOG_API_KEY,
        "SOURCES__POSTHOG__PROJECT_ID": POSTHOG_PROJECT_ID,
        "SOURCES__INTERCOM__BASE_URL": f"{base}/intercom",
        "SOURCES__INTERCOM__ACCESS_TOKEN": INTERCOM_ACCESS_TOKEN,
        "SOURCES__JIRA__BASE_URL": f"{base}/jira",
        "SOURCES__JIRA__EMAIL": JIRA_EMAIL,
        "SOURCES__JIRA__API_TOKEN": JIRA_API_TOKEN,
        "SOURCES__GOVERNANCE__DIRECTORY": str(governance_dir),
        "NORTE_PERSON_KEY_SECRET": person_key_secret,
    }
