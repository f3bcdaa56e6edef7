"""Each warning and error has an entry in docs/troubleshooting.md, and each entry has a message.

A message is a text that the code logs or raises, with `…` for what is filled in. An entry is a text
in the first column of the page's tables: a whole message, or a part of one that nothing else says.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "chaoscloud"
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()

LONG_BEGINNING = 16  # characters of a message that no other begins with

LOGGING = {"warning", "error", "critical", "exception", "_log_failure"}

NOT_TROUBLE = {"debug", "info"}

# Raised for programmers, or put into other words before anybody reads it.
NOT_READ = {"AttributeError", "ConnectionError", "OSError", "TimeoutError"}

# What the console says at its start; its other commands speak of their own options.
STARTS_THE_CONSOLE = {
    "__main__.py",
    "config.py",
    "rates.py",
    "cli/serve.py",
    "db/engines.py",
    "db/lock.py",
    "db/migrations.py",
}

# Functions, and constants, that make a sentence which is logged or raised elsewhere.
SENTENCES = {
    "api/answers.py": {"refusal_of", "failure_of", "_describe_redirect"},
    "api/policies.py": {"describe_denial"},
    "commands/failures.py": {"__init__"},
    "console/__main__.py": {"main"},
    "console/cli/_operator.py": {"find_database_file"},
    "console/db/backup.py": {"_describe_damage"},
    "context.py": {"describe_label_problems"},
    "controls/failures.py": {"_describe", "add"},
    "commands/signin.py": {"_ask_to_distrust"},
    "controls/guarding.py": {"NO_TEAM"},
    "controls/opening.py": {"_say", "leave_unpublished"},
    "controls/runtime.py": {"_decide"},
    "delivery/report.py": {"_why_pending", "describe", "describe_pending"},
    "delivery/retry.py": {"reconsider"},
    "safeguards/contact.py": {"CARRIES_ON"},
    "safeguards/guard.py": {"_note_late_denial"},
    "safeguards/lease.py": {"describe_loss"},
    "safeguards/question.py": {"TOO_MANY_TAGS"},
    "safeguards/rollbacks.py": {"describe_rollbacks_after_stop"},
    "safeguards/stop.py": {"policies_without_answer"},
}

# Parts that sentences are put together from, whose other parts are messages.
PARTS = {"the console at …", "This run is …"}

# Nothing to add: which option, key or name is wrong, and what it may be.
SAYS_ALL = {
    "--output json is for --status",
    "--junit and --fail-on are about journals: name at least one",
    "--required is for safeguards",
    "Path '…' does not exist",
    "'…' is none of …",
    "… '…' is none of yours, which are …",
    "… '…' names several: give an id, of …",
    "You belong to several …s: give … NAME or ID, one of …",
    "You belong to several …s: set … to one of …",
    "You belong to no organization on …: ask somebody there to add you to one, then run … again",
    "You belong to no team in organization '…': ask somebody there to add you to one, or run … to"
    " choose another one",
    "The token is accepted, but no team is chosen: run …",
    "The console answers, but the team is not yours: run …",
    "There is no terminal to ask at: give …",
    "… is not an experiment",
    "… took longer than … seconds",
    "… failed: …",  # an HTTP probe: the method, the address, and what the library says
    "… cannot be read: …",
    "… What is pending stays here",
    "Name its authority in REQUESTS_CA_BUNDLE",
    "…, or give --no-verify-tls",
    "… Disable its verification for this server?",
    "(the console named none)",
    "That is more than …; ask again later",
    "The experiment carries on",
    "The verification was interrupted, no further phase follows",
    "… must be more than 0 seconds",
    "… must be a number of seconds: …",
    "an object may have … and nothing else",
    "… is not a number",
    "… has no end",
    "… is negative",
    "No workspace file to save to: name one first",
}


def template_of(node: ast.AST) -> str | None:
    """Return a text of the code with `…` for what is filled in; None for what is no text."""
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"%[-\d.]*[sdrfg]", "…", text)
        case ast.JoinedStr(values=values):
            return "".join(template_of(part) or "…" for part in values)
    return None


def simplify(message: str) -> str:
    """Return a message as it is compared: commands in it are `…`, its end is cut."""
    message = re.sub(r"`[^`]*`", "…", " ".join(message.split()))
    return re.sub(r"…([\W_]{0,2}…)*", "…", message).rstrip(" .;,:")


def is_of(entry: str, message: str) -> bool:
    """Whether an entry is of a message: of all of it, or of how it begins."""
    pattern = ".*".join(map(re.escape, entry.split("…")))
    begins_alike = len(entry.partition("…")[0]) >= LONG_BEGINNING and re.match(pattern, message)
    return bool(begins_alike or re.fullmatch(pattern, message))


def read_logged(tree: ast.AST) -> Iterator[str | None]:
    """Yield what a module logs as a warning or an error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and last_name_of(node.func) in LOGGING:
            yield template_of(node.args[0])


def read_raised(tree: ast.AST) -> Iterator[str | None]:
    """Yield what a module raises for people to read."""
    for node in ast.walk(tree):
        match node:
            case ast.Raise(exc=ast.Call(func=kind, args=[text, *_])):
                if last_name_of(kind) not in NOT_READ:
                    yield template_of(text)


def read_sentences(tree: ast.AST, names: set[str]) -> Iterator[str]:
    """Yield the texts of three words and more in some functions and constants."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name, body=body) if name in names:
                yield from texts_in(*body[ast.get_docstring(node) is not None :])
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in names:
                yield from texts_in(value)


def texts_in(*nodes: ast.AST) -> Iterator[str]:
    """Yield the texts of three words and more that are not for debugging."""
    for node in nodes:
        text = template_of(node)
        if text is None:
            is_debug_line = isinstance(node, ast.Call) and last_name_of(node.func) in NOT_TROUBLE
            yield from texts_in(*([] if is_debug_line else ast.iter_child_nodes(node)))
        elif len(re.findall(r"[A-Za-z]{2,}", text)) > 2:
            yield text


def last_name_of(node: ast.AST) -> str:
    """Return the last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else str(getattr(node, "id", ""))


def read_messages() -> dict[str, str]:
    """Return each message, and the file that it is in."""
    messages: dict[str, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        in_console, _, rest = name.partition("/")
        tree = ast.parse(path.read_text())
        texts = [*read_logged(tree)]
        if in_console != "console" or rest in STARTS_THE_CONSOLE:
            texts += read_raised(tree)
        texts += read_sentences(tree, SENTENCES.get(name, set()))
        simple_texts = (simplify(text) for text in texts if text)
        messages |= {text: name for text in simple_texts if re.search(r"\w.* |… \w", text)}
    return {text: name for text, name in messages.items() if text not in PARTS}


def read_entries() -> list[str]:
    """Return what stands in the first columns of the page's tables."""
    cells = re.findall(r"^\| (`.*?`) \| ", PAGE, re.MULTILINE)
    return [simplify(text) for cell in cells for text in re.findall(r"`([^`]+)`", cell)]


MESSAGES = read_messages()
ENTRIES = read_entries()


def test_each_warning_and_each_error_has_an_entry() -> None:
    """Who sees a message finds what it means; one that explains itself is in `SAYS_ALL`."""
    known = [*ENTRIES, *map(simplify, SAYS_ALL)]
    missing = [
        f"{place}: {message}"
        for message, place in MESSAGES.items()
        if not any(is_of(entry, message) for entry in known)
    ]

    assert len(MESSAGES) > 100
    assert missing == []


def test_each_entry_is_of_a_message_that_exists() -> None:
    """A message that was changed or removed takes its entry along."""
    stale = [entry for entry in ENTRIES if not any(is_of(entry, message) for message in MESSAGES)]

    assert len(ENTRIES) > 100
    assert stale == []


def test_no_message_is_explained_twice() -> None:
    """An entry stands once, and what says all itself has none."""
    doubled = sorted({entry for entry in ENTRIES if ENTRIES.count(entry) > 1})
    explained = [text for text in SAYS_ALL if simplify(text) in ENTRIES]
    unknown = [
        text for text in SAYS_ALL if not any(is_of(simplify(text), message) for message in MESSAGES)
    ]

    assert doubled == []
    assert explained == []
    assert unknown == []


def test_the_functions_whose_sentences_are_read_exist() -> None:
    """A function that was renamed would take its sentences out of this test."""
    missing = [
        f"{path}: {function}"
        for path, functions in SENTENCES.items()
        for function in functions
        if not re.search(rf"(?m)^ *(def )?{function}( =|\()", (PACKAGE / path).read_text())
    ]

    assert missing == []
