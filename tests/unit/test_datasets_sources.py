"""helpers.datasets.sources: one source after the other, against a server on this machine."""

import errno
import hashlib
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pooch
import pytest
from dataset_samples import COUNTS, binary_files, make_images, sorted_content, tar

from helpers.datasets import DataError, sources
from helpers.datasets.archives import read_binary_archive
from helpers.datasets.sources import SOURCES, File, Source, fetch

IMAGES = make_images()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "archive.tgz"
    return tar(binary_files(IMAGES), path, "cifar-10-batches-bin").read_bytes()


class Handler(BaseHTTPRequestHandler):
    """Serves the archive well, or in one of the ways in which servers fail."""

    def do_GET(self):
        kind = self.path.strip("/").split("/")[0]
        self.server.asked[kind] += 1
        if kind == "error":
            self.send_error(500)
            return
        if kind == "loop":
            self.send_response(302)
            self.send_header("Location", self.path)
            self.end_headers()
            return
        content = self.server.content
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if kind == "slow":
            self.server.stopped.wait(10)
        elif kind == "wrong":
            self.wfile.write(content[:-1] + b"?")
        else:
            share = {"cut": 0.5}.get(kind, 1)
            if kind.startswith("cut-at-"):
                share = float(kind.removeprefix("cut-at-"))
            self.wfile.write(content[: int(share * len(content))])

    def log_message(self, *args):
        """Say nothing: the tests look at standard error."""


@pytest.fixture
def server(archive, monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(sources, "_failed", set())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.asked, server.stopped = archive, Counter(), threading.Event()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield server
    server.stopped.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def source(server, archive):
    """Return a function that makes a source that behaves in a given way."""

    def make(kind, n_files=1, algorithm="sha256"):
        known = f"{algorithm}:{hashlib.new(algorithm, archive).hexdigest()}"
        port = 1 if kind == "closed" else server.server_port  # nobody listens at port 1
        url = f"http://127.0.0.1:{port}/{kind}"
        files = [File(f"{url}/{n}", known, f"{kind}-{n}.tgz") for n in range(n_files)]
        return Source(f"the {kind} one", tuple(files), lambda p: read_binary_archive(p[0], COUNTS))

    return make


def downloads(tmp_path):
    return sorted(path.name for path in (tmp_path / "home" / "downloads").glob("*"))


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_good_source_is_read_and_its_file_kept(source, server, tmp_path, algorithm):
    good = source("good", algorithm=algorithm)
    splits, name = fetch([good])
    assert name == "the good one"
    assert sorted_content(splits["train"]) == sorted_content(IMAGES["train"])
    assert downloads(tmp_path) == ["good-0.tgz"]
    fetch([good])
    fetch([good], download=False)
    assert server.asked == {"good": 1}


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("error", "the server answers 500."),
        ("wrong", "wrong hash, so it was thrown away."),
        ("cut", "the connection was cut before the file was whole."),
        ("closed", "no connection to 127.0.0.1."),
        ("loop", "the server sends the request round in circles."),
    ],
)
def test_the_next_source_is_tried_and_the_reason_told(kind, reason, source, tmp_path, capsys):
    _, name = fetch([source(kind), source("good")])
    said = [line for line in capsys.readouterr().err.splitlines() if "CIFAR-10 from" in line]
    assert name == "the good one"
    assert len(said) == 1
    assert f"CIFAR-10 from the {kind} one: http://127.0.0.1:" in said[0]
    assert said[0].endswith(reason)
    assert downloads(tmp_path) == ["good-0.tgz"]


def test_a_connection_cut_anywhere_keeps_no_byte_and_loses_no_good_file(source, tmp_path, capsys):
    fetch([source("good")])
    shares = np.random.default_rng(0).uniform(0, 0.999, size=20)
    for share in shares:
        assert fetch([source(f"cut-at-{share:.6f}")]) is None
        assert "cut before the file was whole" in capsys.readouterr().err
    assert downloads(tmp_path) == ["good-0.tgz"]


def test_a_source_that_stops_sending_is_given_up(source, capsys, monkeypatch):
    monkeypatch.setattr(sources, "READ_SECONDS", 0.1)
    assert fetch([source("slow")]) is None
    assert "no " in capsys.readouterr().err


def test_waiting_for_a_connection_is_bounded(source, monkeypatch):
    asked = []
    downloader = pooch.HTTPDownloader
    monkeypatch.setattr(
        pooch, "HTTPDownloader", lambda **settings: asked.append(settings) or downloader(**settings)
    )
    fetch([source("error")])
    connect, read = asked[0]["timeout"]
    assert 0 < connect <= 5
    assert 0 < read <= 60
    assert asked[0]["progressbar"] is True


def test_what_failed_is_not_tried_again_unless_asked(source, server, capsys):
    failing = [source("error"), source("wrong")]
    assert fetch(failing) is None
    capsys.readouterr()
    assert fetch(failing) is None
    assert server.asked == {"error": 1, "wrong": 1}
    assert capsys.readouterr().err == ""
    assert fetch(failing, again=True) is None
    assert server.asked == {"error": 2, "wrong": 2}


def test_without_download_nobody_is_asked(source, server, capsys):
    assert fetch([source("good"), source("error")], download=False) is None
    assert server.asked == {}
    assert capsys.readouterr().err == ""


def test_the_good_file_of_a_failing_source_stays(source, server, tmp_path):
    good, wrong = source("good").files[0], source("wrong").files[0]
    both = Source("half", (good, wrong), lambda paths: None)
    assert fetch([both]) is None
    assert downloads(tmp_path) == ["good-0.tgz"]


def test_a_half_written_file_is_replaced_or_else_not_used(source, tmp_path, archive, capsys):
    path = tmp_path / "home" / "downloads" / "good-0.tgz"
    path.parent.mkdir(parents=True)
    path.write_bytes(archive[:1000])
    assert fetch([source("good")], download=False) is None
    assert "it is not used" in capsys.readouterr().err
    assert fetch([source("good")]) is not None
    assert path.read_bytes() == archive


def test_a_full_disk_is_one_error(source, monkeypatch, tmp_path):
    def full(self, url, output_file, *args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    with pytest.raises(DataError, match=r"good-0.tgz: the disk is full.*COURSE_HOME"):
        fetch([source("good"), source("error")])
    assert downloads(tmp_path) == []


def test_a_folder_that_cannot_be_written_is_told(source, monkeypatch, capsys):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pooch, "retrieve", refuse)
    assert fetch([source("good")]) is None
    assert "set COURSE_HOME to a folder of your own" in capsys.readouterr().err


def test_a_verified_file_that_cannot_be_read_leads_to_the_next(source, capsys):
    def refuse(paths):
        raise DataError("cannot be read.")

    broken = Source("broken", source("good").files, refuse)
    _, name = fetch([broken, source("good")])
    assert name == "the good one"
    assert "CIFAR-10 from broken: cannot be read." in capsys.readouterr().err


def test_the_published_sources_have_hashes_and_names_of_their_own():
    files = [file for source in SOURCES for file in source.files]
    assert [source.name.split(" (")[1] for source in SOURCES] == ["parquet)", "PNG)", "binary)"]
    assert all(file.url.startswith("https://") for file in files)
    lengths = {"sha256": 64, "md5": 32}
    assert all(
        len(digest) == lengths[kind] for kind, digest in (f.known_hash.split(":") for f in files)
    )
    assert len({file.name for file in files}) == len(files)
