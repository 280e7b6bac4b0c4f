"""How one server is set up: environment variables `HANDRAIL_…`, or the options of `handrail serve`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Settings(BaseSettings):
    """Settings of a server. Nothing is open beyond loopback unless said in so many words."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", extra="ignore")

    database: str = Field(default="handrail.db", description="Path of a SQLite file, or postgresql://…")
    policy: Path | None = Field(default=None, description="Policy file to begin a new workspace with.")
    workspace: str = Field(default="default", description="Workspace that people without another sign in to.")
    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8420, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    keys: Path | None = Field(default=None, description="Folder of the log's signing keys, apart from the database.")
    log_host: str = Field(default="handrail.local", description="First part of the audit log's name (its origin).")
    writer_threads: int = Field(
        default=1, ge=1, le=16, description="Writers on PostgreSQL; one makes the largest groups, SQLite has no other."
    )
    workers: int = Field(default=1, ge=1, description="Processes; more than one is refused: start one server per core.")
    tls_certificate: Path | None = Field(default=None, description="PEM file of the certificate chain.")
    tls_key: Path | None = Field(default=None, description="PEM file of the certificate's key.")
    insecure_behind_proxy: bool = Field(
        default=False, description="Speak plain HTTP beyond loopback because a proxy in front of it speaks TLS."
    )
    origin: str | None = Field(
        default=None, description="What browsers see, such as https://handrail.example, if a proxy changes the host."
    )
    allow_unsafe: bool = Field(
        default=False, description="Accept database settings that can lose acknowledged work. For tests only."
    )
    auto_migrate: bool = Field(default=True, description="Bring the database to the present schema at start.")
    public_log: bool = Field(default=False, description="Serve checkpoint and hashes (never entries) to anybody.")
    requests_per_second: int = Field(default=20_000, ge=1, description="Most requests of one key or session a second.")
    guesses_per_quarter_hour: int = Field(
        default=8, ge=1, description="Failed sign-ins of one account from one address before it must wait."
    )
    webhook_allow_http: bool = Field(
        default=False, description="Let webhooks go to plain HTTP on loopback. For trials."
    )
    webhook_ports: tuple[int, ...] = Field(default=(443, 8443), description="Ports that webhooks may go to.")

    supervisor_keys: dict[str, str] = Field(
        default_factory=dict,
        description="Hosts that an AI supervisor may be asked at, each with its API key: a JSON object. None: none.",
        repr=False,
    )
    supervisor_allow_http: bool = Field(
        default=False, description="Let an AI supervisor be asked over plain HTTP on loopback."
    )
    supervisor_ports: tuple[int, ...] = Field(
        default=(443, 8443), description="Ports an AI supervisor may be asked at."
    )

    @property
    def tls(self) -> bool:
        """Whether this process speaks TLS itself."""
        return self.tls_certificate is not None

    @property
    def secure(self) -> bool:
        """Whether browsers reach it over TLS, here or at a proxy."""
        return self.tls or self.insecure_behind_proxy

    @property
    def cookie(self) -> str:
        """Name of the session cookie; the prefix binds it to this very host."""
        return "__Host-handrail" if self.secure else "handrail"
