"""Pictures of every page, of the demo's console: `make screenshots FOLDER=…`.

Each page at a desktop's and a phone's width, in light and in dark colours; and in the folder
`docs` the pictures that stand in docs/images.
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
INVITATION = "sign in again with this token: "
TEAM = "/my-organization/shop/"
WIDTHS = {"desktop": DESKTOP, "phone": PHONE}
TALLEST = 6_000  # pixels; of a page taller than that, only what is seen first
IN_DOCS = {  # what the picture is of, and what it is called
    "my-organization-shop": "overview.png",
    "executions-one": "execution.png",
    "verifications-shop-short-outage-runs-one": "verification-run.png",
}


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
                    take(visitor, token, folder, f"{width}-{scheme}")
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
    visitor.page.screenshot(path=folder / f"signin-{look}.png")
    visitor.sign_in(token)
    for address in walk(visitor, f"{TEAM}executions", "/settings/teams"):
        name = name_of(address)
        tall = visitor.page.evaluate("document.documentElement.scrollHeight")
        whole = bool(tall < TALLEST)
        visitor.page.screenshot(path=folder / f"{name}-{look}.png", full_page=whole)
        if look == "desktop-light" and name in IN_DOCS:
            take_for_docs(visitor, folder / "docs" / IN_DOCS[name])


def take_for_docs(visitor: Visitor, path: Path) -> None:
    """Take a picture of what is seen first, without the small print about this machine."""
    visitor.page.locator(".facts .more").evaluate_all("them => them.forEach(it => it.remove())")
    visitor.page.screenshot(path=path)


def name_of(address: str) -> str:
    """What the picture of a page is called: "executions", "executions-one"."""
    path = kind_of(address).removeprefix(TEAM).strip("/")
    return path.replace("/", "-").replace("*", "one") or "home"


if __name__ == "__main__":
    sys.exit(main())
