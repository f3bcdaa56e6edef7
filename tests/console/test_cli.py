"""The operator's commands: what they do, what they say, and their exit codes."""

import json
import os
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from chaoslib.experiment import ensure_experiment_is_valid
from click.testing import CliRunner, Result

from chaoscloud.console.cli import main
from chaoscloud.console.db import Database
from chaoscloud.console.records import organizations, safeguards, teams, tokens
from chaoscloud.console.records.beginnings import begin

Operate = Callable[..., Result]

CLEAN = {"DATABASE_URL": None, "CHAOSIQ_CONSOLE_DATA": None, "XDG_DATA_HOME": None}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A console's folder, after its first start."""
    with Database.open(f"sqlite:///{tmp_path / 'console.sqlite3'}") as database:
        database.write(lambda c: begin(c, datetime.now(UTC))).result()
    return tmp_path


@pytest.fixture
def operate(data: Path) -> Operate:
    """Run `chaosiq-console …` on that folder."""

    def run(*words: str, answer: str = "") -> Result:
        return CliRunner(env=CLEAN).invoke(main, [*words, "--data", str(data)], input=answer)

    return run


@pytest.fixture
def database(data: Path, operate: Operate) -> Iterator[Database]:
    """The same database, opened beside the commands."""
    with Database.open(f"sqlite:///{data / 'console.sqlite3'}") as database:
        yield database


def test_a_console_begins_with_an_owner_and_a_team(operate: Operate) -> None:
    """The first start makes all that is needed to sign in and publish."""
    assert "owner  My organization (owner, My team)" in operate("person", "list").stdout


def test_it_begins_only_once(database: Database) -> None:
    """Later starts add nothing and give no token."""
    assert database.write(lambda c: begin(c, datetime.now(UTC))).result() is None


def test_a_person_is_added_to_a_team_with_a_token(operate: Operate, database: Database) -> None:
    """Three commands let Bob publish for Checkout, and nothing else."""
    operate("team", "add", "Checkout")
    operate("person", "add", "Bob", "--team", "Checkout")
    result = operate("token", "add", "--person", "Bob", "--expires", "30d")

    with database.read() as connection:
        bob = tokens.holder(connection, result.stdout.strip(), datetime.now(UTC))
        [organization] = organizations.list_page(connection)
        assert bob is not None
        visible = teams.seen_by(connection, organization.id, bob.person_id)
    assert [team.name for team in visible] == ["Checkout"]


def test_a_new_token_stands_alone_on_stdout(operate: Operate) -> None:
    """A script takes it from there; the words for people go elsewhere."""
    result = operate("token", "add", "--person", "owner")

    assert result.stdout.startswith("ciq_")
    assert result.stdout.count("\n") == 1
    assert "shown once" in result.stderr


def test_the_list_of_tokens_shows_none(operate: Operate) -> None:
    """Only how a token begins, to tell it from others."""
    secret = operate("token", "add", "--person", "owner", "--name", "ci").stdout.strip()

    list_page = operate("token", "list").stdout

    assert secret[:8] in list_page
    assert secret[8:] not in list_page
    assert "ci " in list_page


def test_a_removed_token_opens_nothing(operate: Operate, database: Database) -> None:
    """It is revoked at once, and stays in the list as such."""
    secret = operate("token", "add", "--person", "owner").stdout.strip()
    with database.read() as connection:
        holder = tokens.holder(connection, secret, datetime.now(UTC))
    assert holder is not None

    removed = operate("token", "remove", holder.token_id)

    assert removed.exit_code == 0
    with database.read() as connection:
        assert tokens.holder(connection, secret, datetime.now(UTC)) is None
    assert "revoked" in operate("token", "list").stdout


def test_joining_and_leaving_a_team(operate: Operate) -> None:
    """Somebody of the organization comes to a team and goes again."""
    operate("person", "add", "Bob")

    joined = operate("team", "join", "My team", "Bob")
    on_it = operate("team", "list").stdout
    left = operate("team", "leave", "My team", "Bob")

    assert (joined.exit_code, left.exit_code) == (0, 0)
    assert "Bob, owner" in on_it
    assert "Bob" not in operate("team", "list").stdout


def test_an_owner_who_joins_again_stays_an_owner(operate: Operate) -> None:
    """Putting Ada on a team, or into her organization once more, takes nothing from her."""
    operate("person", "add", "Ada", "--owner")
    operate("team", "join", "My team", "Ada")
    operate("organization", "join", "My organization", "Ada")

    assert "Ada    My organization (owner, My team)" in operate("person", "list").stdout


def test_a_name_that_is_taken_is_refused_with_what_to_do(operate: Operate) -> None:
    """Adding is never joining: nobody is put on a team by a name that two could have."""
    operate("person", "add", "Bob")

    refused = operate("person", "add", "Bob", "--team", "My team")

    assert refused.exit_code == 1
    assert "There is a person 'Bob' in organization 'My organization' already" in refused.stderr
    assert "chaosiq-console team join TEAM NAME" in refused.stderr
    assert "My team" not in operate("person", "list").stdout.partition("Bob")[2].partition("\n")[0]


def test_two_organizations_have_a_person_of_one_name_each(
    operate: Operate, database: Database
) -> None:
    """The second Bob is another person, whom the first one's token does not become."""
    operate("person", "add", "Bob", "--team", "My team")
    secret = operate("token", "add", "--person", "Bob").stdout.strip()
    operate("organization", "add", "Globex")

    added = operate("person", "add", "Bob", "--organization", "Globex", "--owner")

    with database.read() as connection:
        holder = tokens.holder(connection, secret, datetime.now(UTC))
        assert holder is not None
        joined = organizations.seen_by(connection, holder.person_id, holder.organization_ids)
    assert added.exit_code == 0
    assert [organization.name for organization in joined] == ["My organization"]
    assert operate("person", "list").stdout.count("Bob ") == 2


def test_a_name_that_several_have_needs_an_id(operate: Operate) -> None:
    """The command says who they are and where they belong; the id settles it."""
    operate("organization", "add", "Globex")
    operate("organization", "add", "Initech")
    for name in ("Globex", "My organization"):
        operate("person", "add", "Bob", "--organization", name)

    refused = operate("organization", "join", "Initech", "Bob")
    [id_] = re.findall(r"([-0-9a-f]{36}) \(Globex", refused.stderr)
    joined = operate("organization", "join", "Initech", id_)

    assert refused.exit_code == 2
    assert "Several people are called 'Bob'" in refused.stderr
    assert (joined.exit_code, joined.stdout) == (0, "Bob is a member of organization 'Initech'.\n")


def test_nobody_joins_where_their_name_is_taken(operate: Operate) -> None:
    """Two Bobs could not be told apart there."""
    operate("organization", "add", "Globex")
    operate("person", "add", "Bob", "--organization", "Globex")
    operate("person", "add", "Bob", "--organization", "My organization")
    [id_] = re.findall(r"Bob +Globex.* ([-0-9a-f]{36})", operate("person", "list").stdout)

    refused = operate("organization", "join", "My organization", id_)

    assert refused.exit_code == 1
    assert "another person 'Bob'" in refused.stderr


def test_a_stranger_is_not_put_on_a_team(operate: Operate) -> None:
    """Being on a team of an organization is not how one comes to belong to it."""
    operate("organization", "add", "Globex")
    operate("person", "add", "Bob", "--organization", "Globex")

    refused = operate("team", "join", "My team", "Bob", "--organization", "My organization")

    assert refused.exit_code == 1
    assert "chaosiq-console organization join my-organization Bob" in refused.stderr


def test_an_earlier_token_does_not_open_an_organization_joined_later(
    operate: Operate, database: Database
) -> None:
    """Tokens end at the border of the organization they were made in."""
    earlier = operate("token", "add", "--person", "owner").stdout.strip()
    operate("organization", "add", "Globex", "--owner", "owner")

    refused = operate("token", "add", "--person", "owner")
    later = operate("token", "add", "--person", "owner", "--organization", "Globex")

    with database.read() as connection:
        holders = [
            tokens.holder(connection, secret.strip(), datetime.now(UTC))
            for secret in (earlier, later.stdout)
        ]
        names = [
            [o.name for o in organizations.seen_by(connection, h.person_id, h.organization_ids)]
            for h in holders
            if h is not None
        ]
    assert names == [["My organization"], ["Globex"]]
    assert "Say which with --organization: 'Globex', 'My organization'" in refused.stderr


def test_the_operator_s_own_entries_name_the_operator(operate: Operate) -> None:
    """Tokens, people and teams: who typed it, in the log that everybody reads."""
    operate("person", "add", "Bob", "--team", "My team", "--as", "grace")
    operate("token", "add", "--person", "Bob", "--name", "ci", "--as", "grace")

    log = operate("audit").stdout

    assert re.search(r"grace \(operator\) +made the token ci for Bob", log)
    assert re.search(r"grace \(operator\) +put Bob on the team My team", log)
    assert '"action":"token.added"' in operate("audit", "--json", "--limit", "1").stdout


def test_a_second_organization_has_its_own_people(operate: Operate) -> None:
    """Joining and leaving an organization, teams included."""
    operate("organization", "add", "Globex", "--owner", "owner")
    operate("person", "add", "Bob", "--organization", "Globex")

    operate("organization", "leave", "Globex", "Bob")
    operate("organization", "join", "My organization", "Bob")

    list_page = operate("person", "list").stdout
    assert "owner  Globex (owner); My organization (owner, My team)" in list_page
    assert "Bob    My organization (member)" in list_page


def test_several_organizations_want_to_be_told_apart(operate: Operate) -> None:
    """Nothing is stopped by guessing."""
    operate("organization", "add", "Globex")

    refused = operate("stop", "--reason", "Deploy")

    assert refused.exit_code == 2
    assert "--organization: 'Globex', 'My organization'" in refused.stderr


def test_what_is_empty_can_be_removed(operate: Operate) -> None:
    """A team, a person, an organization: each goes, with what was said of it database."""
    operate("organization", "add", "Globex")
    operate("team", "add", "Orders", "--organization", "Globex")
    operate("person", "add", "Bob", "--organization", "Globex", "--team", "Orders")
    operate("stop", "--organization", "Globex", "--team", "Orders", "--reason", "Deploy")

    blocked = operate("organization", "remove", "Globex")
    removed = [
        operate("person", "remove", "Bob"),
        operate("team", "remove", "Orders", "--organization", "Globex"),
        operate("organization", "remove", "Globex"),
    ]

    assert (blocked.exit_code, blocked.stderr) == (
        1,
        "Error: Cannot remove organization 'Globex': it still has 1 team.\n",
    )
    assert [item.exit_code for item in removed] == [0, 0, 0]
    assert "Globex" not in operate("organization", "list").stdout


def test_stop_and_release(operate: Operate, database: Database) -> None:
    """The stop is set with a reason, an end and a name, and released."""
    stopped = operate("stop", "--reason", "Black Friday", "--for", "2h", "--as", "grace")
    with database.read() as connection:
        [organization] = organizations.list_page(connection)
        [stop] = safeguards.list_safeguards(connection, organization.id, datetime.now(UTC))

    released = operate("release")

    assert stopped.stdout.startswith("Stopped: organization 'My organization', until 20")
    assert (stop.reason, stop.operator) == ("Black Friday", "grace")
    assert stop.expires_at is not None
    assert (stop.expires_at - stop.created_at).total_seconds() == 7200
    assert released.stdout == (
        "Released: organization 'My organization': Black Friday"
        f" (set by grace (operator), {stop.created_at:%Y-%m-%d %H:%M} UTC).\n"
    )
    assert operate("release").stdout == "Nothing was stopped: organization 'My organization'.\n"


def test_release_answers_to_its_earlier_name(operate: Operate) -> None:
    """Scripts that say `resume` go on working; help shows one name."""
    operate("stop", "--reason", "Black Friday")

    assert operate("resume").stdout.startswith("Released: organization 'My organization'")
    assert "resume" not in operate("--help").stdout


def test_a_release_names_what_is_still_stopped(operate: Operate) -> None:
    """Whoever releases the organization learns that a team has a stop of its own."""
    operate("stop", "--reason", "Black Friday")
    operate("stop", "--team", "My team", "--reason", "Migration")

    lines = operate("release").stdout.splitlines()

    assert [line.partition(" (set by")[0] for line in lines] == [
        "Released: organization 'My organization': Black Friday",
        "Still stopped: team 'My team' of organization 'My organization': Migration",
    ]


@pytest.mark.parametrize(
    ("words", "answer", "code", "left"),
    [
        ([], "", 1, {"Audit", "Migration", "Release day"}),  # nobody there to answer
        ([], "n\n", 1, {"Audit", "Migration", "Release day"}),
        ([], "y\n", 0, {"Release day"}),
        (["--all"], "", 0, {"Release day"}),
        (["Audit"], "", 0, {"Migration", "Release day"}),
        (["No such stop"], "", 1, {"Audit", "Migration", "Release day"}),
        (["Release day"], "", 1, {"Audit", "Migration", "Release day"}),  # it is switched off
    ],
)
def test_of_several_stops_none_is_released_unasked(
    operate: Operate, database: Database, words: list[str], answer: str, code: int, left: set[str]
) -> None:
    """One by its reason, all with --all or a yes; what is switched off stays as it is."""
    for reason in ("Audit", "Migration", "Release day"):
        operate("stop", "--reason", reason)
    operate("safeguard", "off", "Release day")

    result = operate("release", *words, answer=answer)

    with database.read() as connection:
        [organization] = organizations.list_page(connection)
        present = safeguards.list_safeguards(connection, organization.id, datetime.now(UTC))
    assert result.exit_code == code, result.output
    assert {stop.name for stop in present} == left
    assert ("Nothing was released" in result.output or "There is no stop" in result.output) == (
        code == 1
    )


def test_without_a_name_the_operator_is_the_system_s_user(
    operate: Operate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind sudo the one who called it; an account without a name is still somebody."""
    monkeypatch.setattr("getpass.getuser", lambda: "root")
    operate("stop", "--reason", "One")
    monkeypatch.setenv("SUDO_USER", "grace")
    operate("stop", "--reason", "Two")
    monkeypatch.delenv("SUDO_USER")
    monkeypatch.setattr("getpass.getuser", mock.Mock(side_effect=KeyError))
    operate("stop", "--reason", "Three")

    output = operate("safeguard", "list").stdout

    assert re.search(r"One .* root \(operator\)", output)
    assert re.search(r"Two .* grace \(operator\)", output)
    assert re.search(rf"Three .* user {os.getuid()} \(operator\)", output)


@pytest.mark.parametrize(
    ("words", "code", "answers"),
    [
        (["stop"], 2, "Missing option '--reason'"),
        (["stop", "--reason", " "], 2, "write one"),
        (["stop", "--reason", "Deploy", "--for", "soon"], 2, "write 90s, 30m, 2h or 30d"),
        (["stop", "--reason", "Deploy", "--team", "Orders"], 1, "there is 'My team'"),
        (["release", "--organization", "Globex"], 1, "there is 'My organization'"),
        (["team", "add", "My team"], 1, "There is a team 'My team' already."),
        (["organization", "add", "My organization"], 1, "already"),
        (["organization", "add", "\n"], 2, "at least one letter"),
        (["token", "add", "--person", "Eve"], 1, "There is no person 'Eve'; there is 'owner'."),
        (["token", "remove", "no-such-token"], 1, "token list"),
        (["team", "list", "--database", "mysql://x"], 1, "not with 'mysql'"),
    ],
)
def test_a_mistake_is_one_clear_line(
    operate: Operate, words: list[str], code: int, answers: str
) -> None:
    """Each says what is wrong and what there is; nothing ends in a traceback."""
    refused = operate(*words)

    assert refused.exit_code == code
    assert answers in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_failed_command_changes_nothing(operate: Operate) -> None:
    """Bob is not half added when his team does not exist."""
    refused = operate("person", "add", "Bob", "--team", "Orders")

    assert refused.exit_code == 1
    assert "Bob" not in operate("person", "list").stdout


def test_a_folder_without_a_console_is_not_made_one(tmp_path: Path) -> None:
    """A mistyped folder gets an explanation, not a new console."""
    folder = tmp_path / "elsewhere"

    refused = CliRunner(env=CLEAN).invoke(main, ["team", "list", "--data", str(folder)])

    assert refused.exit_code == 1
    assert "chaosiq-console serve" in refused.stderr
    assert not folder.exists()


def test_a_damaged_database_is_one_clear_line(tmp_path: Path) -> None:
    """The operator reads which file, and what is wrong with it."""
    file = tmp_path / "console.sqlite3"
    file.write_text("not a database, whatever its name says" * 50)

    refused = CliRunner(env=CLEAN).invoke(main, ["team", "list", "--data", str(tmp_path)])

    assert (refused.exit_code, refused.stderr) == (
        1,
        f"Error: Cannot use the database {file}: file is not a database.\n",
    )


# --- names -------------------------------------------------------------------------------------


def test_an_operator_renames_everything(operate: Operate) -> None:
    """Each command says the new name, and the address where there is one."""
    done = [
        operate("organization", "rename", "My organization", "Acme").stdout,
        operate("team", "rename", "My team", "Checkout").stdout,
        operate("person", "rename", "owner", "Ada", "--organization", "Acme").stdout,
    ]

    assert done == [
        "Organization 'My organization' is called 'Acme', acme in addresses.\n",
        "Team 'My team' is called 'Checkout', checkout in addresses.\n",
        "owner is called Ada.\n",
    ]
    assert "Ada   Acme (owner, Checkout)" in operate("person", "list").stdout
    assert "renamed the team My team to Checkout" in operate("audit").stdout


def test_an_operator_is_told_of_a_name_that_is_taken(operate: Operate) -> None:
    """In one line, with nothing changed."""
    operate("team", "add", "Payments")

    result = operate("team", "rename", "Payments", "My team")

    assert result.exit_code == 1
    assert result.stderr == "Error: There is a team 'My team' already.\n"


# --- an experiment to begin with ---------------------------------------------------------------


def test_the_example_is_an_experiment_that_the_host_accepts(tmp_path: Path) -> None:
    """It asks the console where `serve` listens."""
    file = tmp_path / "first.json"
    runner = CliRunner(env=CLEAN | {"CHAOSIQ_CONSOLE_PORT": "9999"})

    result = runner.invoke(main, ["example", str(file)])

    document = json.loads(file.read_text())
    ensure_experiment_is_valid(document)
    assert result.stdout == f"Wrote {file}. Run it with: chaos run {file}\n"
    assert document["configuration"] == {"console": "http://127.0.0.1:9999"}


def test_the_example_overwrites_nothing(tmp_path: Path) -> None:
    """An experiment of somebody's own stays what it is."""
    file = tmp_path / "experiment.json"
    file.write_text("mine")

    result = CliRunner(env=CLEAN).invoke(main, ["example", str(file)])

    assert result.exit_code == 1
    assert "already: name another" in result.stderr
    assert file.read_text() == "mine"


def test_the_example_says_where_it_cannot_be_written(tmp_path: Path) -> None:
    """A folder that is not there is named."""
    result = CliRunner(env=CLEAN).invoke(main, ["example", str(tmp_path / "none" / "e.json")])

    assert result.exit_code == 1
    assert "No such file or directory" in result.stderr
