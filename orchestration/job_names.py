"""What the jobs are called: known to commands that need not load Dagster to say so."""

BUILD_JOB = "build_marts"


def ingest_job_name(source: str) -> str:
    """The job that loads a source."""
    return f"ingest_{source}"
