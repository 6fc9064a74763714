"""What is graded stays graded: one file a notebook in the report's folder, written whole or not."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from helpers.files import replacing
from helpers.grading.exercises import Exercise
from helpers.grading.results import NotebookResult


class Journal:
    """Keeps results by the content of the notebook and of what it was graded by.

    A result is found again only while the exercise and its hidden tests are those it came from.
    """

    def __init__(self, folder: Path, exercises: Mapping[str, Exercise]) -> None:
        self.folder = folder
        self.digests: dict[str | None, str] = {
            name: exercise.digest for name, exercise in exercises.items()
        }
        together = "".join(sorted(self.digests.values()))
        # A notebook of no known exercise may be of one that is added.
        self.digests[None] = hashlib.sha256(together.encode()).hexdigest()

    def find(self, content: bytes) -> NotebookResult | None:
        """Return the result of a notebook that was graded before. A damaged file holds none."""
        try:
            document = json.loads(self._path(content).read_bytes())
            if document["digest"] != self.digests.get(document["result"]["exercise"]):
                return None
            return NotebookResult.read(document["result"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, content: bytes, result: NotebookResult) -> None:
        """Write a result down."""
        document = {"digest": self.digests[result.exercise], "result": result.document()}
        with replacing(self._path(content)) as temporary:
            temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")

    def _path(self, content: bytes) -> Path:
        return self.folder / f"{hashlib.sha256(content).hexdigest()}.json"
