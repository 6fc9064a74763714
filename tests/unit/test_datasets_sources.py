"""helpers.datasets.sources: one source after the other, against a server on this machine."""

import errno
import hashlib
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pooch
import pytest
import requests
from dataset_samples import COUNTS, binary_files, make_images, sorted_content, tar

from helpers.datasets import DataError, sources
from helpers.datasets.archives import read_binary_archive
from helpers.datasets.sources import SOURCES, File, Source, fetch

IMAGES = make_images()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "archive.tgz"
    return tar(binary_files(IMAGES), path, "cifar-10-batches-bin").read_bytes()


CUTS = 100  # places at which the server cuts the connection, in headers and content
WRONG_BYTES = 100  # places at which it sends one wrong byte
PAGE = b"<html>Please log in to use this network.</html>"


class Handler(BaseHTTPRequestHandler):
    """Serves the archive well, or in one of the ways in which servers fail."""

    def do_GET(self):
        kind, _, place = self.path.strip("/").partition("/")[0].partition("-at-")
        self.server.asked[kind] += 1
        content = self.server.content
        match kind:
            case "error":
                self.send_error(500)
            case "loop":
                self.redirect(self.path)
            case "chain":  # no address twice, and no end
                self.redirect(f"{self.path}x")
            case "silent":
                self.server.stopped.wait(10)
            case "stops":
                self.start(len(content))
                self.server.stopped.wait(10)
            case "drips":
                self.start(len(content))
                self.drip(b"x", pause=0.001)
            case "endless":
                self.start(None)
                self.drip(bytes(2**16), pause=0)
            case "page":
                self.start(len(PAGE))
                self.wfile.write(PAGE)
            case "wrong":
                self.start(len(content))
                altered = bytearray(content)
                altered[int(place)] ^= 1
                self.wfile.write(altered)
            case "cut":
                self.start(len(content), most=int(place))
            case "cut-without-a-length":
                self.start(None)
                self.wfile.write(content[: len(content) // 2])
            case "cut-once" if self.server.asked[kind] == 1:
                self.start(len(content))
                self.wfile.write(content[: len(content) // 2])
            case _:
                self.start(len(content))
                self.wfile.write(content)

    def redirect(self, target):
        self.send_response(302)
        self.send_header("Location", target)
        self.end_headers()

    def start(self, length, most=None):
        """Send the headers; or, with ``most``, headers and content up to so many bytes."""
        size = "" if length is None else f"Content-Length: {length}\r\n"
        head = f"HTTP/1.0 200 OK\r\n{size}\r\n".encode()
        self.wfile.write(head if most is None else (head + self.server.content)[:most])

    def drip(self, piece, pause):
        """Send pieces until the other side has enough of it, or the test is over."""
        while not self.server.stopped.wait(pause):
            try:
                self.wfile.write(piece)
            except OSError:
                return

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
        ("wrong-at-5000", "wrong hash, so it was thrown away."),
        ("page", "wrong hash, so it was thrown away."),
        ("cut-at-5000", "the connection was cut before the file was whole."),
        ("cut-without-a-length", "wrong hash, so it was thrown away."),
        ("closed", "no connection to 127.0.0.1."),
        ("loop", "the server sends the request round in circles."),
        ("chain", "the server sends the request round in circles."),
        ("silent", "no more data within 0.2 s."),
        ("stops", "no more data within 0.2 s."),
        ("drips", "less than 10,000 bytes a second came, so it was given up."),
        ("endless", "more than 5,000,000 bytes came, so it was given up."),
    ],
)
def test_the_next_source_is_tried_and_the_reason_told(
    kind, reason, source, tmp_path, capsys, monkeypatch
):
    if kind in ("silent", "stops"):
        monkeypatch.setattr(sources, "READ_SECONDS", 0.2)
    monkeypatch.setattr(sources, "PACE_SECONDS", 0.2 if kind == "drips" else 60)
    monkeypatch.setattr(sources, "MOST_BYTES", 5_000_000)
    _, name = fetch([source(kind), source("good")])
    said = lines_about_sources(capsys)
    assert name == "the good one"
    assert len(said) == 1
    assert f"CIFAR-10 from the {kind} one: http://127.0.0.1:" in said[0]
    assert said[0].endswith(reason)
    assert downloads(tmp_path) == ["good-0.tgz"]


def lines_about_sources(capsys):
    return [line for line in capsys.readouterr().err.splitlines() if "CIFAR-10 from" in line]


def test_a_connection_cut_anywhere_keeps_no_byte_and_loses_no_good_file(
    source, archive, tmp_path, capsys
):
    fetch([source("good")])
    rng = np.random.default_rng(0)
    early = rng.choice(50, CUTS // 5, replace=False)  # in the headers, most of them
    late = 50 + rng.choice(len(archive) - 50, CUTS - len(early), replace=False)
    for place in (*early, *late):
        assert fetch([source(f"cut-at-{place}")]) is None
        assert len(lines_about_sources(capsys)) == 1
    assert downloads(tmp_path) == ["good-0.tgz"]
    assert (tmp_path / "home/downloads/good-0.tgz").read_bytes() == archive


def test_one_wrong_byte_anywhere_is_thrown_away(source, archive, tmp_path, capsys):
    for place in np.random.default_rng(1).choice(len(archive), WRONG_BYTES, replace=False):
        assert fetch([source(f"wrong-at-{place}")]) is None
        (said,) = lines_about_sources(capsys)
        assert said.endswith("what came has the wrong hash, so it was thrown away.")
    assert downloads(tmp_path) == []


def test_after_a_cut_the_download_starts_over(source, archive, tmp_path):
    source = source("cut-once")
    assert fetch([source]) is None
    assert downloads(tmp_path) == []
    assert fetch([source], again=True) is not None
    assert (tmp_path / "home/downloads/cut-once-0.tgz").read_bytes() == archive


def test_an_interrupt_keeps_nothing(source, tmp_path, monkeypatch):
    def interrupted(response):
        yield response.raw.read1(1000)
        raise KeyboardInterrupt

    monkeypatch.setattr(sources, "_within_bounds", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fetch([source("good")])
    assert downloads(tmp_path) == []


def test_a_steady_download_is_not_given_up(source, monkeypatch):
    monkeypatch.setattr(sources, "PACE_SECONDS", 0)  # the pace is measured at every block
    assert fetch([source("good")]) is not None


def test_waiting_for_a_connection_is_bounded(source, monkeypatch):
    asked = []
    get = requests.get
    monkeypatch.setattr(
        requests, "get", lambda url, **options: asked.append(options) or get(url, **options)
    )
    fetch([source("error")])
    connect, read = asked[0]["timeout"]
    assert 0 < connect <= 5
    assert 0 < read <= 60


def test_what_failed_is_not_tried_again_unless_asked(source, server, capsys):
    failing = [source("error"), source("wrong-at-0")]
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
    good, wrong = source("good").files[0], source("wrong-at-0").files[0]
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
    def full(response):
        yield response.raw.read1(1000)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sources, "_within_bounds", full)
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


def test_a_dangerous_archive_with_the_right_hash_leads_to_the_next(
    source, server, archive, tmp_path, capsys
):
    files = binary_files(IMAGES) | {"../../escape": b"x"}
    path = tar(files, tmp_path / "dangerous.tgz", "cifar-10-batches-bin")
    server.content = path.read_bytes()
    known = f"sha256:{hashlib.sha256(server.content).hexdigest()}"
    url = f"http://127.0.0.1:{server.server_port}/good/0"
    dangerous = Source(
        "the dangerous one",
        (File(url, known, "dangerous.tgz"),),
        lambda paths: read_binary_archive(paths[0], COUNTS),
    )
    assert fetch([dangerous]) is None
    (said,) = lines_about_sources(capsys)
    assert "refused" in said and "'cifar-10-batches-bin/../../escape', a name with '..'" in said


def test_the_published_sources_have_hashes_and_names_of_their_own():
    files = [file for source in SOURCES for file in source.files]
    assert [source.name.split(" (")[1] for source in SOURCES] == ["parquet)", "PNG)", "binary)"]
    assert all(file.url.startswith("https://") for file in files)
    lengths = {"sha256": 64, "md5": 32}
    assert all(
        len(digest) == lengths[kind] for kind, digest in (f.known_hash.split(":") for f in files)
    )
    assert len({file.name for file in files}) == len(files)
