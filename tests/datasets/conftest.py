"""A place of its own for data, and a web server, for the tests of datasets."""

from __future__ import annotations

import functools
import http.server
import threading

import pytest


@pytest.fixture
def data_path(tmp_path, monkeypatch):
    """An empty data path; the cache is empty too, and no mirror or npm can be reached."""
    path = tmp_path / "data"
    path.mkdir()
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PYLEARN2_DATA_PATH", str(path))
    monkeypatch.delenv("ADVERSARIAL_DATA_PATH", raising=False)
    monkeypatch.setenv("ADVERSARIAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    for name in (
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    return path


class Files(http.server.BaseHTTPRequestHandler):
    """Serves ``site.files``; can break off, ignore ranges or refuse."""

    def __init__(self, site, *arguments):
        self.site = site
        super().__init__(*arguments)

    def do_GET(self):
        self.site.requests.append((self.path, self.headers.get("Range")))
        content = self.site.files.get(self.path)
        if content is None:
            return self.send_error(404)
        start, wanted = 0, self.headers.get("Range")
        if wanted and self.site.ranges:
            start = int(wanted[len("bytes=") : -1])
            if start >= len(content):
                return self.send_error(416)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = len(content)
        if self.site.break_off_after and self.site.breaks:
            self.site.breaks -= 1
            stop = start + self.site.break_off_after
        self.wfile.write(content[start:stop])

    def log_message(self, *_):
        pass


class Site:
    def __init__(self):
        self.files, self.requests, self.ranges = {}, [], True
        self.break_off_after, self.breaks = 0, 0


@pytest.fixture
def site():
    """A web server on this machine: ``site.url``, ``site.files`` (path -> bytes) and the rest."""
    made = Site()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, made))
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()
