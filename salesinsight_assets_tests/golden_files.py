"""Golden files: each rendered text as it is read, in full, one file a text in `goldens/`.

A test asks for the fixture `golden` and says what the file's text must be. `make goldens` writes the files anew where texts were
changed on purpose; the difference is then read in version control, like any other change.
"""

import difflib
from pathlib import Path

GOLDENS = Path(__file__).parent / "goldens"
OPTION = "--rewrite-goldens"
HOW_TO_REWRITE = (
    "If it is meant, run `make goldens` and read what `git diff` shows of salesinsight_assets_tests/goldens/."
)


def difference(name: str, text: str) -> str | None:
    """How `text` differs from the golden file of this name, and what to do; None where it does not."""
    path = GOLDENS / name
    if not path.exists():
        return f"there is no goldens/{name} yet. {HOW_TO_REWRITE}"
    golden = path.read_bytes().decode()
    if golden == _content(text):
        return None
    before, after = golden.splitlines(), _content(text).splitlines()
    lines = difflib.unified_diff(before, after, f"goldens/{name}", "as it is now", lineterm="")
    return "\n".join([f"goldens/{name} reads otherwise now. {HOW_TO_REWRITE}", *lines])


def rewrite(name: str, text: str) -> None:
    """Write the golden file of this name."""
    (GOLDENS / name).write_bytes(_content(text).encode())


def _content(text: str) -> str:
    return text.rstrip("\n") + "\n"
