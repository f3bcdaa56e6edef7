"""Name the test files that a change may concern: changed ones, and importers of what changed.

`python -m tests.changed` compares with the branch `main`; on it, with the commit before. What no
test imports is left to the whole suite, as are the tests in a browser and those of real runs,
unless they changed themselves.
"""

import subprocess
import sys
from pathlib import Path

import grimp

ROOT = Path(__file__).parent.parent
SLOW = ("tests.browser", "tests.together")


def changed_files() -> set[Path]:
    """Return the Python files that differ from `main`, or were never committed."""
    on_main = _git("branch", "--show-current") == ["main"]
    [base] = ["HEAD~1"] if on_main else _git("merge-base", "main", "HEAD")
    names = _git("diff", "--name-only", base) + _git("ls-files", "--others", "--exclude-standard")
    return {Path(name) for name in names if name.endswith(".py") and (ROOT / name).exists()}


def concerned(files: set[Path]) -> list[str]:
    """Return the test files to run, in order."""
    graph = grimp.build_graph("chaoscloud", "tests", cache_dir=None)
    changed = {".".join(file.with_suffix("").parts).removesuffix(".__init__") for file in files}
    modules = changed & graph.modules
    importers = {
        item for module in modules for item in graph.find_modules_that_directly_import(module)
    }
    quick = {entry for entry in importers if not entry.startswith(SLOW)}
    names = {value for value in quick | modules if value.rpartition(".")[2].startswith("test_")}
    return sorted(f"{name.replace('.', '/')}.py" for name in names)


def _git(*arguments: str) -> list[str]:
    """Return the lines that git prints."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


if __name__ == "__main__":
    sys.stdout.writelines(f"{name}\n" for name in concerned(changed_files()))
