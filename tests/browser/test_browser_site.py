"""The site that ``make site`` builds: no page shuts out who cannot see it, or use a mouse."""

import os
import threading
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "build" / "site"


class Quiet(SimpleHTTPRequestHandler):
    """Serves files, and says nothing about it."""

    def do_GET(self):
        """Serve a file. The icon for its tab a browser asks for by itself: there is none."""
        if self.path == "/favicon.ico":
            self.send_response(HTTPStatus.NO_CONTENT)
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="module")
def site():
    """The address of the site, served on loopback."""
    if not (SITE / "index.html").exists():
        if os.environ.get("COURSE_NEEDS_SITE"):
            pytest.fail(f"{SITE} should have been built", pytrace=False)
        pytest.skip("the site is not built: make site")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("which", ["of each kind", pytest.param("all", marks=pytest.mark.slow)])
def test_no_page_has_a_serious_finding(site, page, findings, scheme, which):
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    pages = sorted(path.relative_to(SITE) for path in SITE.rglob("*.html"))
    if which == "of each kind":
        pages = list({path.parent: path for path in pages}.values())
    found = {}
    for path in pages:
        page.goto(f"{site}/{path.as_posix()}")
        if faults := findings(page):
            found[str(path)] = faults
    assert found == {}
