"""Backups: one file with everything that cannot be fetched or computed again, and the way back.

Belongs here: what is in a backup, taking a consistent one, verifying and restoring it. Does not belong here:
where backups are kept, and how often.

A backup is a tar file: `warehouse.duckdb` (raw data with its history, the cursors, and the tables built from
them), `alerts.json`, `verdict.json` and the list of erased people (`erased.json`), on wish `published/<id>/`,
and at its end `backup.json` with the size and SHA-256 of each. A file that was cut or changed is noticed
before anything is touched.

The governance files are the company's own repository, and secrets belong where secrets are kept: a backup
names the state of the former and recognises the secret of the personal keys, but holds neither.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path, PurePosixPath
from typing import IO, Any

import duckdb

from ingestion.erasure.register import read_register
from ingestion.errors import IngestionError, WarehouseError
from ingestion.warehouse import disk_full, is_disk_full
from ingestion.warehouses import duckdb_warehouse
from orchestration.demo import Demo
from orchestration.examination import completed_loads, kinds_of_data
from orchestration.resources.warehouse import warehouse_of
from orchestration.settings import Settings

FORMAT = 1
RECORD_FILE = "backup.json"
WAREHOUSE_FILE = "warehouse.duckdb"
PUBLISHED = "published"
_CHUNK = 1 << 20
_KEY_MARK = b"norte: which secret the personal keys were made with"

OnProgress = Callable[[str, int, int], None]


class BackupError(WarehouseError):
    """A backup could not be taken or restored; what was there before is untouched."""


@dataclass(frozen=True)
class BackupFile:
    """One file of a backup."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Backup:
    """What a backup says of itself.

    Arguments:
        created_at: the run's "now" when it was taken.
        norte_version, duckdb_version: of the program that took it.
        is_sandbox: whether the data is invented; None where no load says.
        loads: completed loads in it.
        key_fingerprint: recognises the secret of the personal keys without telling it.
        governance: directory of the governance files and, if it is in git, their commit.
        files: by name in the tar file.
    """

    created_at: str
    norte_version: str
    duckdb_version: str
    is_sandbox: bool | None
    loads: int
    key_fingerprint: str
    governance: Mapping[str, str]
    files: Mapping[str, BackupFile]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    def dumped(self) -> bytes:
        """As `backup.json`."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1).encode()

    @classmethod
    def parsed(cls, content: bytes, path: Path) -> Backup:
        """From `backup.json`. Raises BackupError for one of another format."""
        try:
            found = json.loads(content)
            if found.pop("format") != FORMAT:
                raise BackupError(
                    f"{path}: expected a backup of format {FORMAT}; a newer version of norte made it. "
                    "What to do: upgrade norte, then restore"
                )
            files = {name: BackupFile(**file) for name, file in found.pop("files").items()}
            return cls(**found, files=files)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _broken(path, f"its {RECORD_FILE} cannot be read") from None


def take_backup(
    settings: Settings,
    target: Path,
    *,
    governance: Path | None = None,
    with_publication: bool = False,
    on_progress: OnProgress | None = None,
) -> Backup:
    """Write a backup of this home to `target`.

    Holds the warehouse's lock while it copies, so it falls between two slices of a load and never into a
    build. The file appears under its name when it is complete.

    Arguments:
        target: the new file; never overwritten.
        governance: directory of the governance files.
        with_publication: also keep what readers see now.
        on_progress: called with a file's name, its bytes so far, its bytes.

    Raises BackupError, WarehouseError.
    """
    target = target.expanduser().absolute()
    if target.exists():
        raise BackupError(f"{target}: expected a new file; it exists. What to do: choose another name")
    if not target.parent.is_dir():
        raise BackupError(
            f"{target}: expected a folder to write to; {target.parent} is none. What to do: make it"
        )
    warehouse = warehouse_of(settings)
    if not warehouse.exists():
        raise BackupError(
            f"{warehouse.place}: expected a warehouse; there is none. What to do: `norte run` first, "
            "or correct NORTE_HOME"
        )
    partial = target.with_name(f"{target.name}.partial")
    with (
        warehouse.lock("backup"),
        _explained(target),
        _discarded_on_error(partial),
        warehouse.saved_raw(target.parent) as saved,
    ):
        with warehouse.open(who="backup") as session:
            kinds, loads = kinds_of_data(session), completed_loads(session)
        files: dict[str, BackupFile] = {}
        # Personal data: for the owner only, from its first byte on.
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as out, tarfile.open(fileobj=out, mode="w") as tar:
            for name, path in _contents(settings, saved, with_publication).items():
                files[name] = _add(tar, name, path, on_progress)
            backup = Backup(
                created_at=settings.now_utc().isoformat(),
                norte_version=version("norte"),
                duckdb_version=duckdb.__version__,
                is_sandbox=kinds.pop() if len(kinds) == 1 else None,
                loads=loads,
                key_fingerprint=key_fingerprint(settings),
                governance=_state_of(governance),
                files=files,
            )
            content = backup.dumped()
            tar.addfile(_member(RECORD_FILE, len(content), settings.now_utc()), io.BytesIO(content))
            tar.close()
            out.flush()
            os.fsync(out.fileno())
        partial.replace(target)
    _note_backup(settings, target, backup)
    return backup


def read_backup(path: Path) -> Backup:
    """What a backup says of itself; its files are not verified. Raises BackupError."""
    with _opened(path) as tar:
        return _record(tar, path)


def restore_backup(
    settings: Settings, path: Path, *, replace: bool = False, on_progress: OnProgress | None = None
) -> Backup:
    """Put a backup in the place of this home's data.

    Everything is unpacked and verified beside it first; then the warehouse is exchanged in one step. A kill
    at any moment leaves the old data or the new.

    Arguments:
        replace: whether data that is there may go.

    Raises BackupError; what was there is untouched.
    """
    path = path.expanduser().absolute()
    backup = read_backup(path)
    _refuse(settings, backup, path, replace)
    settings.home.mkdir(parents=True, exist_ok=True)
    unpacked = settings.home / ".restoring"
    warehouse = warehouse_of(settings)
    with ExitStack() as held, _explained(settings.home):
        # First the locks: what a load or another restore does meanwhile would be lost.
        held.enter_context(without_loads(settings, "restore"))
        held.enter_context(warehouse.lock("restore"))
        _refuse(settings, backup, path, replace)
        shutil.rmtree(unpacked, ignore_errors=True)
        held.callback(shutil.rmtree, unpacked, ignore_errors=True)
        unpack_backup(path, unpacked, on_progress)
        _without_erased(settings, unpacked)
        warehouse.restore_raw(unpacked / WAREHOUSE_FILE)
        for target in (settings.alerts_file, settings.verdict_file):
            source = unpacked / target.name
            if source.exists():
                source.replace(target)
            else:
                target.unlink(missing_ok=True)
        _restore_publication(settings, unpacked / PUBLISHED)
    return backup


def unpack_backup(path: Path, into: Path, on_progress: OnProgress | None = None) -> Backup:
    """Unpack into a folder and verify every file, and that the warehouse opens with all its loads.

    Raises BackupError.
    """
    with _opened(path) as tar:
        backup = _record(tar, path)
        into.mkdir(parents=True, mode=0o700)
        for name, expected in backup.files.items():
            parts = PurePosixPath(name).parts
            if ".." in parts or name.startswith("/"):
                raise _broken(path, f"{name!r} would lie outside of its folder")
            target = into.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                source = tar.extractfile(name)
            except KeyError:
                source = None
            if source is None:
                raise _broken(path, f"{name} is missing")
            with source, target.open("wb") as out:
                if _copied(source, out, name, expected.size, on_progress) != expected:
                    raise _broken(path, f"{name} is not what was written")
    _verify_warehouse(into / WAREHOUSE_FILE, backup, path)
    return backup


def key_fingerprint(settings: Settings) -> str:
    """Recognises the secret of the personal keys; nothing can be learned of it."""
    secret = settings.person_key_secret.get_secret_value()
    return hmac.new(secret.encode(), _KEY_MARK, hashlib.sha256).hexdigest()[:16] if secret else ""


def _contents(settings: Settings, saved: Path, with_publication: bool) -> dict[str, Path]:
    files = {WAREHOUSE_FILE: saved}
    for path in (settings.alerts_file, settings.verdict_file, settings.erased_file):
        if path.exists():
            files[path.name] = path
    current = settings.published_dir / "current"
    if with_publication and current.exists():
        release = current.resolve()
        files |= {
            f"{PUBLISHED}/{release.name}/{path.relative_to(release).as_posix()}": path
            for path in sorted(release.rglob("*"))
            if path.is_file()
        }
    return files


def _add(tar: tarfile.TarFile, name: str, path: Path, on_progress: OnProgress | None) -> BackupFile:
    size = path.stat().st_size
    member = _member(name, size, datetime.fromtimestamp(path.stat().st_mtime))
    with path.open("rb") as source:
        hashed = _Hashed(source, name, size, on_progress)
        tar.addfile(member, hashed)
    return BackupFile(size, hashed.digest.hexdigest())


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, source: IO[bytes], name: str, size: int, on_progress: OnProgress | None) -> None:
        self.digest = hashlib.sha256()
        self._source, self._name, self._size, self._on_progress = source, name, size, on_progress
        self._done = 0

    def read(self, size: int = -1) -> bytes:
        block = self._source.read(size)
        self.digest.update(block)
        self._done += len(block)
        if self._on_progress:
            self._on_progress(self._name, self._done, self._size)
        return block


def _copied(
    source: IO[bytes], out: IO[bytes], name: str, size: int, on_progress: OnProgress | None
) -> BackupFile:
    hashed, count = _Hashed(source, name, size, on_progress), 0
    while block := hashed.read(_CHUNK):
        out.write(block)
        count += len(block)
    out.flush()
    os.fsync(out.fileno())
    return BackupFile(count, hashed.digest.hexdigest())


def _member(name: str, size: int, at: datetime) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size, 0o600, int(at.timestamp())
    return member


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, mode="r:") as tar:
            yield tar
    except FileNotFoundError:
        raise BackupError(f"{path}: expected a backup; there is no such file") from None
    except (tarfile.TarError, EOFError) as error:
        raise _broken(path, f"it is no whole tar file ({error})") from None


def _record(tar: tarfile.TarFile, path: Path) -> Backup:
    try:
        found = tar.extractfile(RECORD_FILE)
    except KeyError:
        found = None
    if found is None:
        raise _broken(path, f"it has no {RECORD_FILE}, which is written last")
    return Backup.parsed(found.read(), path)


def _refuse(settings: Settings, backup: Backup, path: Path, replace: bool) -> None:
    if Demo(settings.home).exists:
        raise BackupError(
            f"{settings.home}: expected a company's own home; it is the sandbox company's. "
            "What to do: set NORTE_HOME, or call norte in the company's folder"
        )
    warehouse = warehouse_of(settings)
    if warehouse.exists() and not replace:
        raise BackupError(
            f"{warehouse.place}: expected no data yet; it exists. What to do: back it up, then restore "
            "with --replace; or restore into another NORTE_HOME"
        )
    if backup.key_fingerprint != key_fingerprint(settings):
        raise BackupError(
            f"{path}: expected the secret that its personal keys were made with; NORTE_PERSON_KEY_SECRET is "
            "another. What to do: set it to the one of that time: people would get new keys otherwise"
        )
    free = shutil.disk_usage(_existing(settings.home)).free
    if free < backup.size:
        raise BackupError(
            f"{settings.home}: expected {backup.size / 1e9:.1f} GB free to unpack beside the data; there are "
            f"{free / 1e9:.1f} GB. What to do: free some space"
        )


@contextmanager
def without_loads(settings: Settings, what: str) -> Iterator[None]:
    """No load is under way, nor begins of a connection that has been loaded before.

    Arguments:
        what: is being done, in one word.

    Raises BackupError where a load or a build is under way.
    """
    with ExitStack() as held:
        for path in sorted(settings.pipelines_dir.glob("*.lock")):
            handle = held.enter_context(path.open("r+"))
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise BackupError(
                    f"expected no load under way; {path.stem} is being loaded. What to do: wait for it, and "
                    f"stop the schedules (`systemctl stop norte`) while you {what}"
                ) from None
        holder = warehouse_of(settings).holder()
        if holder is not None:
            raise BackupError(
                f"expected nobody to use the warehouse; it is held by {holder}. What to do: wait for it, and "
                f"stop the schedules (`systemctl stop norte`) while you {what}"
            )
        yield


def _verify_warehouse(file: Path, backup: Backup, path: Path) -> None:
    try:
        with duckdb_warehouse(file).open(read_only=True) as session:
            loads = completed_loads(session)
    except (IngestionError, duckdb.Error) as error:
        raise BackupError(
            f"{path}: expected a warehouse that DuckDB {duckdb.__version__} opens; DuckDB "
            f"{backup.duckdb_version} wrote it: {error}. What to do: use norte "
            f"{backup.norte_version} or newer"
        ) from error
    finally:
        file.with_name(file.name + ".lock").unlink(missing_ok=True)
    if loads != backup.loads:
        raise _broken(path, f"{backup.loads} loads were in it, {loads} are")


def _without_erased(settings: Settings, unpacked: Path) -> None:
    """Whoever was erased since the backup does not come back with it; its list and ours become one."""
    from orchestration.erasure import apply_to_file

    secret = settings.person_key_secret.get_secret_value()
    register = read_register(settings.erased_file, secret)
    register.merge(read_register(unpacked / settings.erased_file.name, secret))
    if not register.people:
        return
    found = apply_to_file(unpacked / WAREHOUSE_FILE, register, secret)
    if found.amended:
        # What readers saw then is made anew by the next build.
        shutil.rmtree(unpacked / PUBLISHED, ignore_errors=True)
    register.save(settings.erased_file)


def _note_backup(settings: Settings, target: Path, backup: Backup) -> None:
    """Where it lies, so that an erasure can say which backups hold a person."""
    path = settings.backups_file
    written = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    written = [one for one in written if one["path"] != str(target)]
    written.append({"path": str(target), "created_at": backup.created_at})
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(written, indent=1), encoding="utf-8")
    temporary.replace(path)


def _restore_publication(settings: Settings, unpacked: Path) -> None:
    """Readers go over to the publication of the backup, if it holds one."""
    if not unpacked.is_dir():
        return
    (release,) = unpacked.iterdir()
    target = settings.published_dir / "releases" / release.name
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        release.replace(target)
    link = settings.published_dir / ".current-restored"
    link.unlink(missing_ok=True)
    link.symlink_to(target.relative_to(settings.published_dir))
    link.replace(settings.published_dir / "current")


def _state_of(governance: Path | None) -> dict[str, str]:
    """Where the governance files lie, and their commit if they are in git."""
    if governance is None:
        return {}
    state = {"directory": str(governance)}
    with suppress(OSError, subprocess.SubprocessError):
        asked: Any = subprocess.run(
            ["git", "-C", str(governance), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        state["commit"] = asked.stdout.strip()
    return state


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if is_disk_full(error):
            raise disk_full(place) from error
        raise BackupError(
            f"{place}: expected to read and write there; came: {error.strerror or error}. What to do: check "
            "its rights"
        ) from error


@contextmanager
def _discarded_on_error(partial: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _existing(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


def _broken(path: Path, why: str) -> BackupError:
    return BackupError(
        f"{path}: expected a whole, unchanged backup; {why}. What to do: take another backup; "
        "nothing was changed"
    )
