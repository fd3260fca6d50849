"""Every setting of the platform: typed, with a default and one sentence on what it is for.

Belongs here: the names of environment variables and what their values may be. Does not belong here:
credentials of vendors (dlt's secrets, or `SOURCES__<NAME>__...` in the environment) and which sources are on
(dlt's config).

`Settings.load()` is called by the function that builds the definitions and by the commands, once each;
everything below them takes parameters.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ALERTS_FILE = "alerts.yml"
PROJECT_ROOT = Path(__file__).resolve().parent.parent
Kind = Literal["duckdb", "postgres"]
WAREHOUSES: tuple[str, ...] = get_args(Kind)


class Settings(BaseSettings):
    """What a run may be told from outside: `NORTE_<FIELD>` in the environment."""

    model_config = SettingsConfigDict(env_prefix="NORTE_", extra="ignore", frozen=True)

    company: Path | None = Field(
        None, description="The company's folder, made by `norte init`; unset in the sandbox company's."
    )
    home: Path = Field(
        PROJECT_ROOT / ".norte", description="Folder of all state: warehouse, published files, runs, logs."
    )
    warehouse: Kind = Field(
        "duckdb", description="Which kind of warehouse the data lives in: duckdb or postgres."
    )
    warehouse_path: Path | None = Field(None, description="The working DuckDB file; default: in `home`.")
    postgres_url: SecretStr = Field(
        SecretStr(""),
        description="The PostgreSQL database, if that is the warehouse: postgresql://user@host:5432/norte.",
    )
    postgres_password: SecretStr = Field(
        SecretStr(""), description="Its password; without one, libpq looks into its password file."
    )
    postgres_published_database: str = Field(
        "", description="The database that readers see; default: the other's name with _published."
    )
    postgres_reader_role: str = Field("norte_reader", description="The role that reads it.")
    now: datetime | None = Field(
        None, description="The one 'now' of connectors, dbt and freshness; default: the clock."
    )
    time_zone: str = Field(
        "UTC", description="The company's time zone: where reporting days and weeks are cut."
    )
    person_key_secret: SecretStr = Field(
        SecretStr(""), description="Secret of the HMAC that turns e-mails into person keys; never change it."
    )
    own_email_domains: Annotated[list[str], NoDecode] = Field(
        [],
        description="The company's own e-mail domains, comma separated: their people are staff.",
    )
    crm_link_base: str = Field(
        "https://app.hubspot.com/contacts/1", description="Start of links into the CRM."
    )
    support_link_base: str = Field(
        "https://example.zendesk.com", description="Start of links into the help desk."
    )
    delivery_link_base: str = Field(
        "https://example.atlassian.net", description="Start of links into the tracker."
    )
    analytics_starts_on: date = Field(
        date(2024, 1, 1), description="First event day: where the daily partitions of product events begin."
    )
    alerts_path: Path | None = Field(
        None,
        description="Who is told what fails, and the heartbeat; default: alerts.yml in the company's folder.",
    )
    ui_url: str = Field(
        "http://127.0.0.1:3000", description="Where the Dagster UI is reached; links in alerts use it."
    )
    page_languages: Annotated[list[str], NoDecode] = Field(
        ["en", "pt"],
        min_length=1,
        description="Languages of the pages, comma separated; those of the first lie on top.",
    )
    retry_count: int = Field(
        2, ge=0, description="How often a failed step that may succeed later is tried again."
    )
    retry_delay_seconds: float = Field(
        30.0, ge=0, description="Wait before the first retry; doubled for the next."
    )

    @field_validator("own_email_domains", "page_languages", mode="before")
    @classmethod
    def _split_commas(cls, value: Any) -> Any:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator("now")
    @classmethod
    def _as_utc(cls, value: datetime | None) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    @field_validator("time_zone")
    @classmethod
    def _known_time_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"expected an IANA time zone like 'America/Sao_Paulo'; came {value!r}"
            ) from error
        return value

    @field_validator("company", "home", "warehouse_path", "alerts_path")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @classmethod
    def load(cls, **overrides: Any) -> Settings:
        """The settings of this process's environment; `overrides` win."""
        return cls(**overrides)

    def now_utc(self) -> datetime:
        """The run's 'now', aware UTC."""
        return self.now or datetime.now(UTC)

    @property
    def working_file(self) -> Path:
        """The working DuckDB file. Its name must not equal a schema's."""
        return self.warehouse_path or self.home / "warehouse.duckdb"

    @property
    def published_dir(self) -> Path:
        """Where publications are kept; `current` points to the last one."""
        return self.home / "published"

    @property
    def dagster_home(self) -> Path:
        """The instance: runs, events, schedules' state."""
        return self.home / "dagster"

    @property
    def pipelines_dir(self) -> Path:
        """dlt's working folder."""
        return self.home / "dlt"

    @property
    def dbt_dir(self) -> Path:
        """dbt's target folder and the manifest that the definitions are built from."""
        return self.home / "dbt"

    @property
    def logs_dir(self) -> Path:
        """One log file per job."""
        return self.home / "logs"

    @property
    def verdict_file(self) -> Path:
        """Which marts of the last build may not be published."""
        return self.home / "verdict.json"

    @property
    def routes_file(self) -> Path:
        """Whose alerts go where; written by the company."""
        return self.alerts_path or (self.company or self.home) / ALERTS_FILE

    @property
    def alerts_file(self) -> Path:
        """Which alerts are open, so that none is sent twice, and those that no channel has taken yet."""
        return self.home / "alerts.json"

    @property
    def erased_file(self) -> Path:
        """Who was erased, as keyed hashes, so that no load brings them back."""
        return self.home / "erased.json"

    @property
    def backups_file(self) -> Path:
        """Where backups were written, and when."""
        return self.home / "backups.json"

    @property
    def heartbeat_file(self) -> Path:
        """When a build last published."""
        return self.home / "heartbeat.json"

    def partition_days_ahead(self) -> int:
        """How many days past yesterday the event partitions reach, so that the day of `now` is one of them.

        Dagster counts partitions by the machine's clock; a sandbox company may live ahead of it.
        """
        return 1 + max(timedelta(0), self.now_utc().date() - datetime.now(UTC).date()).days
