"""The decisions that follow from one snapshot of an organization, each made once.

Runs of a team that carry the same tags get the same decision, so hundreds of them cost one; only
stops of a single run, and safeguards that count runs, look at each run by itself. A decision is
kept until the first moment at which it may change merely because time passes.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from chaoscloud.console.records.safeguard_snapshot import SafeguardSnapshot
from chaoscloud.console.rules.safeguards import (
    Facts,
    Safeguard,
    WebhookAnswer,
    applies_to,
    decide,
    is_in_force,
)
from chaoscloud.console.watch.answers import Answer, Place, answer_of

MOST_KEPT = 20_000  # decisions


class OrganizationDecisions:
    """The decisions of one snapshot, with these answers of webhooks."""

    def __init__(self, snapshot: SafeguardSnapshot, answers: Mapping[str, WebhookAnswer]) -> None:
        self.snapshot = snapshot
        self.facts = Facts(snapshot.running, answers, snapshot.alerts)
        self._stops_of_runs: dict[str, list[Safeguard]] = {}
        self._of_all_runs: list[Safeguard] = []
        for safeguard in snapshot.safeguards:
            if safeguard.execution_id is None:
                self._of_all_runs.append(safeguard)
            else:
                self._stops_of_runs.setdefault(safeguard.execution_id, []).append(safeguard)
        self.asks_webhooks = any(safeguard.kind == "webhook" for safeguard in self._of_all_runs)
        self._of_team: dict[str, list[Safeguard]] = {}
        self._answers: dict[Any, Answer] = {}

    def decide(self, place: Place, now: datetime) -> Answer:
        """The decision about a run right now. Raises what kept the console from deciding."""
        key = self._key(place)
        answer = self._answers.get(key)
        if answer is None or _is_due(answer, now):
            decision = decide(self.concerning(place), now, place.run, self.facts)
            answer = answer_of(decision, self.snapshot.required)
            if len(self._answers) >= MOST_KEPT:
                self._answers.clear()
            self._answers[key] = answer
        return answer

    def concerning(self, place: Place) -> list[Safeguard]:
        """The safeguards of the team and of its organization, stops of this run included."""
        of_team = self._find_of_team(place.team_id)
        stops = self._find_stops(place)
        return [*of_team, *stops] if stops else of_team

    def webhooks(self, place: Place, now: datetime) -> Iterable[Safeguard]:
        """The webhooks that are asked about this run."""
        for safeguard in self._find_of_team(place.team_id):
            is_asked = safeguard.kind == "webhook" and is_in_force(safeguard, now)
            if is_asked and applies_to(safeguard, place.run):
                yield safeguard

    def _key(self, place: Place) -> Any:
        """Runs with the same key get the same decision."""
        run = place.run
        if run is None:
            return place.team_id
        if self.snapshot.counts_executions or self._find_stops(place):
            return place.team_id, run
        return place.team_id, run.tags

    def _find_of_team(self, team_id: str) -> list[Safeguard]:
        if team_id not in self._of_team:
            self._of_team[team_id] = [
                safeguard for safeguard in self._of_all_runs if safeguard.team_id in (None, team_id)
            ]
        return self._of_team[team_id]

    def _find_stops(self, place: Place) -> list[Safeguard]:
        run_id = place.run.id if place.run else None
        return self._stops_of_runs.get(run_id, []) if run_id else []


def _is_due(answer: Answer, now: datetime) -> bool:
    changes_at = answer.decision.changes_at
    return changes_at is not None and changes_at <= now
