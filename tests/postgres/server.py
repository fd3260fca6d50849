"""A PostgreSQL server of our own: on a free port of this machine, as an unprivileged user, gone at the end.

Belongs here: finding the server's programs (or installing them where we may), starting, stopping, and the
roles and databases that Norte is told to use. Does not belong here: what is asserted.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

# Letters that an address must not be taken apart by.
PASSWORD = "pa$s:wo/rd%40"
READER_PASSWORD = "reads"
DATABASES = ("norte", "norte_published")
_PATIENCE_SECONDS = 60
_PR_SET_PDEATHSIG = 1


def programs() -> Path:
    """The folder of `initdb` and `postgres`; installs Debian's package if it is missing and we may."""
    found = _found()
    tried = ""
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        tried = _install()
        found = _found()
    if found is None:
        who = "root" if os.geteuid() == 0 else "somebody who is not root, so nothing was installed"
        raise RuntimeError(
            f"expected PostgreSQL's programs on the path or in /usr/lib/postgresql; there are none, and this "
            f"runs as {who}. {tried}What to do: install the package `postgresql`, version 15 or newer"
        )
    return found


def _install() -> str:
    """Debian's package; returns what went wrong, empty if nothing did."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (
        ["update", "-q"],
        ["install", "-q", "-y", "--no-install-recommends", "postgresql"],
    ):
        done = subprocess.run(
            ["apt-get", *arguments],
            env=environment,
            check=False,
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    # Without fresh lists the old ones may still do: only the installation's end counts.
    return "" if done.returncode == 0 else f"apt-get said: {done.stderr.strip()[-500:]}. "


def _found() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    installed = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(installed, key=lambda path: int(path.parent.parent.name))
    return newest[-1].parent if newest else None


@dataclass
class Server:
    """One server with the roles `norte` and `norte_reader` and their two databases."""

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="norte-postgres-")))
    port: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def make(self) -> Server:
        """Make its files, start it, make roles and databases."""
        self.port = self.port or _free_port()
        user = _unprivileged()
        if user is not None:
            os.chown(self.folder, user.pw_uid, user.pw_gid)
        self._run(
            "initdb", "-D", str(self._data), "-U", "admin", "-E", "UTF8", "--locale=C.UTF-8", "-A", "trust"
        )
        rules = ["local all all trust", "host all admin 127.0.0.1/32 trust"]
        rules.append("host all all 127.0.0.1/32 scram-sha-256")
        (self._data / "pg_hba.conf").write_text("\n".join(rules) + "\n")
        self.start()
        self.execute(f"create role norte login password '{PASSWORD}'")
        self.execute(f"create role norte_reader login password '{READER_PASSWORD}'")
        for database in DATABASES:
            self.execute(
                f"create database {database} owner norte template template0 encoding 'UTF8' lc_collate 'C'"
                " lc_ctype 'C.UTF-8'"
            )
        return self

    def start(self) -> None:
        """Start it; it ends with this process, however that ends."""
        user = _unprivileged()
        identity: dict[str, Any] = (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user is not None else {}
        )
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "max_connections": "60",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(programs() / "postgres"), "-D", str(self._data), *options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                preexec_fn=_end_with_parent,
                **identity,
            )
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                self.execute("select 1")
            except psycopg2.OperationalError:
                if time.monotonic() > until or self._process.poll() is not None:
                    raise RuntimeError((self.folder / "log").read_text()[-3000:]) from None
                time.sleep(0.05)
            else:
                return

    def stop(self, at_once: bool = False) -> None:
        """Stop it: after clients were sent away, or `at_once` as a crash would."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(_PATIENCE_SECONDS)
            self._process = None

    def remove(self) -> None:
        """Stop it and remove its files."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run a statement as the administrator."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="admin", dbname=database)
        connection.autocommit = True
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()

    def reader(self, database: str = "norte_published") -> Any:
        """A connection of the readers' role."""
        connection = psycopg2.connect(
            host="127.0.0.1", port=self.port, user="norte_reader", password=READER_PASSWORD, dbname=database
        )
        connection.autocommit = True
        return connection

    @property
    def address(self) -> str:
        """Without a password."""
        return f"postgresql://norte@127.0.0.1:{self.port}/norte"

    @property
    def settings(self) -> dict[str, str]:
        """What a company that uses it sets."""
        return {
            "NORTE_WAREHOUSE": "postgres",
            "NORTE_POSTGRES_URL": self.address,
            "NORTE_POSTGRES_PASSWORD": PASSWORD,
        }

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        user = _unprivileged()
        identity: dict[str, Any] = (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user is not None else {}
        )
        subprocess.run(
            [str(programs() / program), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self.folder,
            **identity,
        )


def _unprivileged() -> pwd.struct_passwd | None:
    """Whom root runs it as; None for who is not root. The server refuses root."""
    if os.geteuid() != 0:
        return None
    programs()  # the package brings the user
    return pwd.getpwnam("postgres")


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGINT)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
