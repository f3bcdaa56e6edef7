"""Names say what they stand for: few vague variables, functions that are verbs, one thing a name.

Shares rather than bans: now and then a short word is the right one. What goes over the limit is
listed with its place, so that whoever added it finds it.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent

VAGUE = {
    "asked": "say what was sent: `question`, `headers`, `request`",
    "each": "name one of what is gone through: `event`, `row`",
    "found": "say what was looked for: `execution`, `match`",
    "given": "say what was passed: `settings`, `arguments`",
    "gone": "say what is missing: `removed_ids`",
    "heard": "say what came: `reply`, `answer`",
    "held": "say what is held back, or held: `waiting_requests`",
    "holding": "say what is held: `lock`",
    "house": "`organization`",
    "kept": "say what is stored: `record`, `stored_events`",
    "made": "say what was made: `team`, `token`",
    "said": "say what it is: `message`, `output`, `decision`",
    "says": "say what it is: `message`",
    "seen": "say what was read or met: `visited_paths`, `rows`",
    "shown": "say what is on the page: `rows`, `title`",
    "told": "say what came: `body`, `document`, `event`",
    "wanted": "say what is looked for: `expected`, `target`",
}
PARTICIPLES = frozenset(
    "begun chosen found given gone heard held kept known left made read said seen sent shown taken"  # noqa: SIM905
    " told written".split()
)

MOST_VAGUE = 0.5  # percent of all bindings
MOST_PARTICIPLES = 1.0  # percent of all functions
MOST_PARTICIPLES_IN_TESTS = 2.0


class Named(NamedTuple):
    """A name, what it names, and where it stands."""

    name: str
    kind: str  # "binding", "function" or "class"
    place: str

    @property
    def is_vague(self) -> bool:
        """Whether it is a variable that could stand for anything."""
        return self.kind == "binding" and self.name in VAGUE

    @property
    def is_participle(self) -> bool:
        """Whether it is a function named by what became of something, not by what it does."""
        word = self.name.strip("_")
        is_regular = "_" not in word and word.endswith("ed") and len(word) > 4
        return self.kind == "function" and (is_regular or word in PARTICIPLES)


WINGS = {
    "plugin": [
        path
        for path in sorted((ROOT / "chaoscloud").rglob("*.py"))
        if "console" not in path.relative_to(ROOT).parts
    ],
    "console": sorted((ROOT / "chaoscloud" / "console").rglob("*.py")),
    "tests": sorted((ROOT / "tests").rglob("*.py")),
}


def read_names(files: Iterable[Path]) -> Iterator[Named]:
    """Yield what the files name."""
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            name, kind = name_of(node)
            if name and name not in ("self", "cls", "_"):
                line = getattr(node, "lineno", 0)
                yield Named(name, kind, f"{file.relative_to(ROOT)}:{line}")


def name_of(node: ast.AST) -> tuple[str, str]:
    """Return what a node of a syntax tree names, and its kind; empty for one that names nothing."""
    match node:
        case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
            return name, "binding"
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name, "function"
        case ast.ClassDef(name=name):
            return name, "class"
    return "", ""


@pytest.fixture(params=sorted(WINGS))
def wing(request: pytest.FixtureRequest) -> str:
    """The plugin, the console, and what tests them."""
    return str(request.param)


@pytest.fixture
def names(wing: str) -> list[Named]:
    """All names of the wing."""
    return list(read_names(WINGS[wing]))


def test_variables_say_what_they_hold(names: list[Named]) -> None:
    """`told` or `made` could be anything; the reader has to go and look."""
    bindings = [named for named in names if named.kind == "binding"]
    vague = [
        f"{named.place}: {named.name}: {VAGUE[named.name]}" for named in bindings if named.is_vague
    ]

    share = 100 * len(vague) / len(bindings)

    assert share <= MOST_VAGUE, "\n".join(["variables that say too little:", *vague])


def test_functions_are_verbs(wing: str, names: list[Named]) -> None:
    """`send_pending` says what happens when it is called, `sent` says that it has happened."""
    functions = [named for named in names if named.kind == "function"]
    participles = [
        f"{named.place}: {named.name}: begin with what it does: `read_`, `find_`, `is_`"
        for named in functions
        if named.is_participle
    ]
    most = MOST_PARTICIPLES_IN_TESTS if wing == "tests" else MOST_PARTICIPLES

    share = 100 * len(participles) / len(functions)

    assert share <= most, "\n".join(["functions that are no verbs:", *participles])


@pytest.mark.parametrize("wing", ["plugin", "console"], indirect=True)
def test_a_class_name_stands_for_one_thing(names: list[Named]) -> None:
    """Two classes of one name are told apart only by their imports."""
    classes = [named for named in names if named.kind == "class"]
    counts = Counter(named.name for named in classes)
    twice = sorted(f"{c.name}: {c.place}" for c in classes if counts[c.name] > 1)

    assert twice == [], "\n".join(["class names that stand for two things:", *twice])


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("told = 1", ["told"]),
        ("for each in x: pass", ["each"]),
        ("def f(made): pass", ["made"]),
        ("[seen for seen in x]", ["seen"]),
        ("told_by = 1", []),
        ("print(x.said)", []),
        ("def sent(): pass", ["sent"]),
        ("def _described(): pass", ["_described"]),
        ("def send_pending(): pass", []),
        ("def feed(): pass", []),
    ],
)
def test_what_is_looked_for(source: str, expected: list[str]) -> None:
    """A name is vague where it is bound, not where it is part of a longer one."""
    nodes = ast.walk(ast.parse(source))
    names = [Named(*name_of(node), "here:1") for node in nodes]

    assert [named.name for named in names if named.is_vague or named.is_participle] == expected
