"""Publishing the journals of earlier runs, each once however often it is asked for."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING

from chaoscloud import api
from chaoscloud.api.answers import address_of, body_of, is_from_console, refusal_of, was_stored
from chaoscloud.api.execution import fetch_execution, initialize_execution, publish_execution
from chaoscloud.api.experiment import publish_experiment, set_experiment_id
from chaoscloud.commands.directory import REFUSED, sentence
from chaoscloud.commands.environment import load_signed_in
from chaoscloud.commands.failures import (
    CommandFailed,
    ConsoleUnreachable,
    NotSignedIn,
    TokenRefused,
)
from chaoscloud.commands.journals import (
    find_pending_run,
    fingerprint,
    is_finished,
    known_secrets,
    read_journal,
    sort_keys,
)
from chaoscloud.delivery.records import creation_key
from chaoscloud.extension import remove_sensitive_extension_values
from chaoscloud.redaction import Redactor, to_json, withhold_outputs
from chaoscloud.settings import read_profile
from chaoscloud.types import Experiment, Journal

if TYPE_CHECKING:
    from requests import Response

    from chaoscloud.api._http import ConsoleSession

__all__ = ["PublishedJournal", "publish_journals"]


@dataclass(frozen=True)
class PublishedJournal:
    """What became of one file: where its findings are, or the failure.

    `journal` is what it holds, None where it cannot be read; `note` is a line on outputs that may
    hold secrets, which only matters when the journal was sent.
    """

    path: str
    is_new: bool = False
    address: str | None = None
    failure: CommandFailed | None = None
    note: str = ""
    journal: Journal | None = None

    def __str__(self) -> str:
        if self.failure is not None:
            return f"{self.path}: {self.failure}"
        known = "published" if self.is_new else "already published"
        line = f"{self.path}: {known}, see {self.address or 'the console'}"
        return f"{line}\n{self.path}: {self.note}" if self.note else line


def publish_journals(
    settings_path: str, paths: Iterable[str], with_outputs: bool = False
) -> Iterator[PublishedJournal]:
    """Publish each file in turn, whatever becomes of the others. Raises `NotSignedIn`.

    `with_outputs` sends also what activities returned that were given secrets.
    """
    settings = load_signed_in(settings_path)
    profile = read_profile(settings)
    if not profile.token or profile.tenancy is None:
        raise NotSignedIn()
    with api.open_session(settings) as session:
        publisher = _Publisher(session, profile.url, with_outputs)
        for path in paths:
            yield publisher.publish(path)


class _Publisher:
    """Publishes over one session. Once nobody answers, or the token is refused, it asks no more."""

    def __init__(self, session: "ConsoleSession", url: str, with_outputs: bool) -> None:
        session.quiet = True  # what goes wrong is told here, beside the file's name
        self._session = session
        self._url = url
        self._with_outputs = with_outputs
        self._hopeless: CommandFailed | None = None

    def publish(self, path: str) -> PublishedJournal:
        """Publish one file."""
        journal = None
        try:
            journal = read_journal(path)
            if self._hopeless is not None:
                raise self._hopeless
            published = self._publish(path, journal)
        except (ConsoleUnreachable, TokenRefused) as x:
            self._hopeless = x
            published = PublishedJournal(path, failure=x)
        except CommandFailed as x:
            published = PublishedJournal(path, failure=x)
        return replace(published, journal=journal)

    def _publish(self, path: str, journal: Journal) -> PublishedJournal:
        redactor = self._redactor_for(journal)
        _check_that_it_can_be_sent(journal, redactor)
        journal, note = self._without_unknown_secrets(sort_keys(journal))
        key = fingerprint("execution", journal)
        named = _names_execution(journal)
        run = None if named else find_pending_run(journal)
        run_key = creation_key(run) if run else None
        experiment = journal["experiment"]
        answer = self._publish_experiment(experiment, redactor, run_key)
        earlier_id = _read_earlier_id(answer)
        if earlier_id:
            set_experiment_id(earlier_id, experiment)
        else:
            self._accept(answer)
        execution = self._find(journal, redactor) if named else None
        if execution is not None:
            was_completed = is_finished(journal) and not is_finished(body_of(execution))
            return PublishedJournal(
                path, address=address_of(execution), note=note if was_completed else ""
            )
        answer = initialize_execution(
            self._session,
            experiment,
            journal,
            idempotency_key=run_key or key,
            redactor=redactor,
        )
        return self._read_creation(path, answer, experiment, note)

    def _read_creation(
        self, path: str, answer: "Response | None", experiment: Experiment, note: str
    ) -> PublishedJournal:
        """What became of a journal whose execution was to be made; it may have been made before."""
        earlier_id = _read_earlier_id(answer)
        if earlier_id:  # with other values of secrets, or by the outbox, as the run went on
            api.set_execution_id(earlier_id, experiment)
            execution = fetch_execution(self._session, {"experiment": experiment})
            return PublishedJournal(
                path, address=None if execution is None else address_of(execution)
            )
        created = self._accept(answer)
        is_new = created.status_code != HTTPStatus.OK
        return PublishedJournal(path, is_new=is_new, address=address_of(created), note=note)

    def _without_unknown_secrets(self, journal: Journal) -> tuple[Journal, str]:
        """The journal as it may be sent, and a line on what is missing, if anything is."""
        withheld = withhold_outputs(journal)
        if not withheld.activities:
            return journal, ""
        count = withheld.activities
        what = f"{count} activit{'y was' if count == 1 else 'ies were'} given secrets"
        what = f"{what} ({', '.join(withheld.secrets)})"
        if self._with_outputs:
            return journal, (
                f"{what}: their outputs are sent with --with-outputs, redacted only "
                "by the values these secrets have now."
            )
        return withheld.journal, (
            f"{what}: their outputs are withheld, because what these secrets were during the run "
            "is not known any more (--with-outputs sends them)."
        )

    def _redactor_for(self, journal: Journal) -> Redactor:
        secrets = known_secrets(journal["experiment"].get("secrets"), os.environ)
        return Redactor(secrets, self._session.token)

    def _publish_experiment(
        self, experiment: Experiment, redactor: Redactor, key: str | None
    ) -> "Response | None":
        with remove_sensitive_extension_values(experiment):
            key = key or fingerprint("experiment", experiment)
        return publish_experiment(self._session, experiment, idempotency_key=key, redactor=redactor)

    def _find(self, journal: Journal, redactor: Redactor) -> "Response | None":
        """The execution the journal names, completed if its end was missing; None if unknown."""
        answer = fetch_execution(self._session, journal)
        if answer is not None and answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        execution = self._accept(answer)
        if is_finished(journal) and not is_finished(body_of(execution)):
            self._accept(publish_execution(self._session, journal, redactor=redactor))
        return execution

    def _accept(self, answer: "Response | None") -> "Response":
        if answer is None:
            raise ConsoleUnreachable(f"The console at {self._url} does not answer.")
        if answer.status_code in REFUSED:
            raise TokenRefused()
        if not was_stored(answer):
            raise CommandFailed(sentence(refusal_of(answer)))
        if not is_from_console(answer):
            raise ConsoleUnreachable(f"What answers at {self._url} is not a console.")
        return answer


def _read_earlier_id(answer: "Response | None") -> str | None:
    """The id of what was made with this key before, from another body; None if that is not so."""
    if answer is None or answer.status_code != HTTPStatus.UNPROCESSABLE_ENTITY:
        return None
    problem = body_of(answer)
    return str(problem["id"]) if isinstance(problem, dict) and problem.get("id") else None


def _check_that_it_can_be_sent(journal: Journal, redactor: Redactor) -> None:
    """Raise `CommandFailed` for what has no form in JSON: the wire would just not answer then."""
    try:
        to_json(redactor.redact(journal).document)
    except (TypeError, ValueError, RecursionError) as x:
        raise CommandFailed(f"cannot be sent: {x}") from x


def _names_execution(journal: Journal) -> bool:
    """Whether somewhere in a journal stands which execution it is of."""
    documents = (journal, journal["experiment"])
    return any(api.get_execution_id(document.get("extensions")) for document in documents)
