"""The suite on each Python, Chaos Toolkit and database at hand: `nox` runs all of them.

`nox --list` names the sessions; an interpreter that is not on the machine is left out and named.
One of them: `nox -s "tests-3.12(toolkit='newest', database='sqlite')" -- tests/plugin -k outbox`.
"""

import nox

PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
TOOLKITS = {"1.19": ["chaostoolkit~=1.19.0"], "newest": ["--upgrade", "chaostoolkit"]}

nox.options.sessions = ["tests"]
nox.options.error_on_missing_interpreters = False


@nox.session(python=PYTHONS)
@nox.parametrize("database", ["sqlite", "postgresql"])
@nox.parametrize("toolkit", list(TOOLKITS))
def tests(session: nox.Session, toolkit: str, database: str) -> None:
    """Run the suite; with PostgreSQL, the tests of the console on a server that they start."""
    if toolkit == "newest" and session.python == "3.11":
        session.skip("the newest Chaos Toolkit needs Python 3.12")
    session.install("-r", "requirements-dev.txt", "-e", ".")
    session.install(*TOOLKITS[toolkit])
    if database == "postgresql":
        session.run("pytest", "tests/console", "--database=postgresql", *session.posargs)
    else:
        session.run("pytest", *session.posargs)


@nox.session(python="3.13")
def smoke(session: nox.Session) -> None:
    """Install as a user does, and try what needs neither a signal nor a browser."""
    session.install("-r", "requirements-dev.txt", "-e", ".")
    session.run("chaos", "--help")
    session.run("chaosiq-console", "--help")
    session.run("pytest", "tests/plugin", "--ignore=tests/plugin/controls", "-k", "not process")
    session.run("pytest", "tests/console/test_outcome.py", "tests/console/test_api_executions.py")


@nox.session(python="3.11")
def mutation(session: nox.Session) -> None:
    """Change what decides, line by line, and see that a test fails; name modules to choose some."""
    session.install("-r", "requirements-dev.txt", "-r", "requirements-mutation.txt", "-e", ".")
    session.run("mutmut", "run", *(session.posargs or ["chaoscloud.outcome.*"]))
    session.run("mutmut", "results")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation as a site; a warning is an error."""
    session.install("-r", "requirements-docs.txt")
    session.run("mkdocs", "build", "--strict", "--site-dir", "site")
