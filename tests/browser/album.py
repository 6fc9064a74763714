"""Pictures of the course at work, as the tests see it: small enough for a README."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

from helpers.files import replacing

SHOWN = 900  # milliseconds for each picture of a moving one
MOST = 200_000  # bytes of a picture


class Album:
    """A folder of pictures.

    Args:
        folder: made when it is not there; a picture of the same name is replaced.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def still(self, name: str, part) -> None:
        """Keep a picture of a part of a page."""
        self._save(f"{name}.png", [_picture(part)])

    @contextmanager
    def film(self, name: str, part) -> Iterator[Callable[[], None]]:
        """Give a function that adds what a part of a page shows now; keep them as one picture."""
        shown = [_picture(part)]
        yield lambda: shown.append(_picture(part))
        self._save(f"{name}.gif", shown, duration=SHOWN, loop=0)

    def _save(self, file: str, shown: list[Image.Image], **settings) -> None:
        content = io.BytesIO()
        kind = file.rpartition(".")[2]
        if kind == "gif":
            size = tuple(max(sides) for sides in zip(*(each.size for each in shown), strict=True))
            # It has few colours: those of thin lines count as much as the ground's.
            shown = [
                _on_white(each, size).quantize(64, Image.Quantize.MAXCOVERAGE) for each in shown
            ]
            settings |= {"save_all": True, "append_images": shown[1:]}
        shown[0].save(content, kind, optimize=True, **settings)
        size = content.tell()
        assert size <= MOST, f"{file} has {size:,} bytes, expected {MOST:,} at most"
        with replacing(self.folder / file) as path:
            path.write_bytes(content.getvalue())


def _picture(part) -> Image.Image:
    return Image.open(io.BytesIO(part.screenshot())).convert("RGB")


def _on_white(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Return the picture with white below and beside it: a line more of text makes it higher."""
    page = Image.new("RGB", size, "white")
    page.paste(picture)
    return page
