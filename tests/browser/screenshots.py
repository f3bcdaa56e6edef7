"""Pictures of every page, of the demo's console: `make screenshots FOLDER=…`.

Each page at a desktop's and a phone's width, in light and in dark colours.
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser import chromium
from tests.browser.crawl import kind_of, walk
from tests.browser.visitor import DESKTOP, PHONE, SCHEMES, Visitor

DEMO = Path(__file__).parents[2] / "examples" / "demo.py"
INVITATION = "sign in with this token: "
TEAM = "/my-organization/my-team/"
WIDTHS = {"desktop": DESKTOP, "phone": PHONE}


def main() -> int:
    """Play the demo, and take the pictures."""
    parser = argparse.ArgumentParser(description="Take pictures of every page of the console.")
    parser.add_argument("folder", type=Path, help="where the pictures are written to")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    path = chromium.found()
    if path is None:
        sys.exit(chromium.MISSING)
    with demo() as (url, token), chromium.started(path) as browser:
        for width, viewport in WIDTHS.items():
            for scheme in SCHEMES:
                options = {"viewport": viewport, "color_scheme": scheme}
                with Visitor.of(browser, url, **options) as visitor:
                    take(visitor, token, folder, f"{width}-{scheme}.png")
    return 0


@contextmanager
def demo() -> Iterator[tuple[str, str]]:
    """Play the demo; give the console's address and a token while it is up."""
    process = subprocess.Popen(
        [sys.executable, DEMO], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if INVITATION in line:
                yield line.split()[1], line.partition(INVITATION)[2].strip()
                return
        raise RuntimeError("the demo ended before its console could be visited")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def take(visitor: Visitor, token: str, folder: Path, look: str) -> None:
    """Take a picture of each page that links lead to."""
    visitor.open("/signin")
    visitor.page.screenshot(path=folder / f"signin-{look}")
    visitor.sign_in(token)
    for address in walk(visitor, f"{TEAM}executions", "/settings/teams"):
        visitor.page.screenshot(path=folder / f"{name_of(address)}-{look}", full_page=True)


def name_of(address: str) -> str:
    """What the picture of a page is called: "executions", "executions-one"."""
    path = kind_of(address).removeprefix(TEAM).strip("/")
    return path.replace("/", "-").replace("*", "one") or "home"


if __name__ == "__main__":
    sys.exit(main())
