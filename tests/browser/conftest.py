"""What the browser tests share: one server and one browser for each process of pytest."""

import importlib.util
import shutil
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # lab_server, notebook_page and the others

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Nothing is asked of the network, and it starts in a container, as root, without a screen.
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-quic", "--no-first-run", "--disable-component-update", "--disable-sync",
)  # fmt: skip
# axe-core would ask for style sheets again, at addresses where they are not.
OPTIONS = {"resultTypes": ["violations"], "preload": False}
PATIENCE = 120_000  # milliseconds: how long a page is waited for on the busiest machine


def _needed(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.fail(f"{package} is missing; .ci/run shows how to install it apart", pytrace=False)


@pytest.fixture(scope="session")
def browser():
    """Chromium, without a window."""
    _needed("playwright")
    from playwright.sync_api import expect, sync_playwright

    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.fail(f"no browser: install one of {', '.join(BROWSERS)}", pytrace=False)
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context(browser):
    """What the pages of all tests share: their cache."""
    context = browser.new_context(viewport={"width": 1300, "height": 1000})
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page_errors() -> list[str]:
    """What the page has reported; a test takes out what is not the course's."""
    return []


@pytest.fixture
def page(context, page_errors):
    """Open a page; fail when it has reported an error, or asked anything of another machine."""
    page = context.new_page()
    asked = set()
    page.on("console", lambda said: said.type == "error" and page_errors.append(_in_words(said)))
    page.on("pageerror", lambda error: page_errors.append(error.message))
    page.on("request", lambda request: asked.add(request.url))
    page.on("websocket", lambda socket: asked.add(socket.url))
    yield page
    page.close()
    assert page_errors == []
    away = [url for url in asked if urlsplit(url).hostname not in ("127.0.0.1", None)]
    assert away == [], "a page has to work without a network"


def _in_words(said) -> str:
    return f"{said.text} ({said.location['url']})"


@pytest.fixture(scope="session")
def jupyterlab(tmp_path_factory):
    """JupyterLab, serving copies of the notebooks."""
    from lab_server import LabServer

    server = LabServer(tmp_path_factory.mktemp("jupyterlab"), "jupyterlab")
    yield server
    server.close()


@pytest.fixture
def lab(jupyterlab):
    """JupyterLab, whose kernels end with the test."""
    yield jupyterlab
    jupyterlab.end_kernels()


@pytest.fixture(scope="session")
def findings():
    """Give the function that lists what axe-core finds serious or critical in a part of a page."""
    _needed("axe_playwright_python")
    from axe_playwright_python.sync_playwright import Axe

    axe = Axe()

    def find(page, *parts: str) -> list[str]:
        context = {"include": [[part] for part in parts]} if parts else None
        answer = axe.run(page, context, OPTIONS)
        return [
            f"{each['impact']}: {each['help']}: {each['nodes'][0]['html'][:300]}"
            for each in answer.response["violations"]
            if each["impact"] in ("serious", "critical")
        ]

    return find


@pytest.fixture(scope="session")
def album(request):
    """Where the pictures of the course go; None where none are wanted."""
    folder = request.config.getoption("--screenshots")
    if folder is None:
        return None
    from album import Album

    return Album(Path(folder))
