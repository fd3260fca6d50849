"""HTTP for connectors: `HttpClient` with pacing, retries and clear errors. Knows nothing of any vendor or
of dlt.
"""

from ingestion.http.pacing import Pacer, Pacers
from ingestion.http.retries import RetryPolicy, retry_after
from ingestion.http.session import BearerAuth, HttpClient

__all__ = ["BearerAuth", "HttpClient", "Pacer", "Pacers", "RetryPolicy", "retry_after"]
