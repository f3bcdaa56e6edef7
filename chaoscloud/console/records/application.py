"""Making organizations as a declaration says: each difference is one change, and one line.

Things are known by their names: an organization's among all, a team's within its organization, a
safeguard's (with its kind) and a subscription's (with its target) within its scope, an objective's
within its team. What the declaration does not name is left alone, unless it is pruned.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import delete, exists, select, update

from chaoscloud.console.db.schema import objectives, verifications
from chaoscloud.console.records import audit, organizations, retention, safeguard_states
from chaoscloud.console.records import objectives as objective_records
from chaoscloud.console.records import safeguards as safeguard_records
from chaoscloud.console.records import teams as team_records
from chaoscloud.console.records._rows import new_id
from chaoscloud.console.records.application_changes import (
    ApplicationChanges,
    apply_expected_runs,
    apply_subscriptions,
)
from chaoscloud.console.records.audit import Actor
from chaoscloud.console.records.declaration import (
    Declaration,
    DeclaredObjective,
    DeclaredOrganization,
    DeclaredRetention,
    DeclaredSafeguard,
    DeclaredTeam,
    read_objective,
    read_safeguard,
)
from chaoscloud.console.records.objectives import Objective
from chaoscloud.console.records.organizations import Organization
from chaoscloud.console.records.retention import Retention
from chaoscloud.console.records.teams import Team
from chaoscloud.console.rules.safeguards import KINDS, Safeguard


@dataclass
class Application(ApplicationChanges):
    """One declaration as it is made so: `lines` are what is different, one for each change."""

    def run(self, declaration: Declaration) -> None:
        """Make it so, in the order of the file. Raises `InvalidDeclaration`, `TooMany`."""
        for declared in declaration.organizations:
            organization = self._apply_organization(declared)
            self._apply_safeguards(organization, None, declared.safeguards)
            if declared.subscriptions is not None:
                apply_subscriptions(self, organization, None, declared.subscriptions)
            for team in declared.teams or ():
                self._apply_team(organization, team)
            if declared.teams is not None:
                self._prune_teams(organization, {team.name for team in declared.teams})

    def _apply_organization(self, declared: DeclaredOrganization) -> Organization:
        every = organizations.list_page(self.connection)
        organization = next((one for one in every if one.name == declared.name), None)
        if organization is None:
            organization = organizations.add(self.connection, declared.name, self.now)
            self._log("organization.added", organization.name, organization.id)
            self.lines.append(f"+ organization {organization.name!r}")
        if declared.safeguards_required is not None:
            self._require(organization, declared.safeguards_required)
        if declared.retention is not None:
            self._retain(organization, declared.retention)
        return organization

    def _require(self, organization: Organization, on: bool) -> None:
        if safeguard_states.is_required(self.connection, organization.id) != on:
            self.lines.append(f"~ organization {organization.name!r}: safeguards_required {on}")
            safeguard_states.require(
                self.connection, organization.id, on, self.now, operator=self.operator
            )

    def _retain(self, organization: Organization, declared: DeclaredRetention) -> None:
        choice = Retention(declared.events, declared.journals)
        before = retention.read_retention(self.connection, organization.id)
        if choice != before:
            words = retention.describe_retention(choice)
            self.lines.append(f"~ organization {organization.name!r}: keeps {words}")
            actor = Actor(operator=self.operator)
            retention.set_retention(self.connection, organization.id, choice, actor, self.now)

    def _apply_team(self, organization: Organization, declared: DeclaredTeam) -> None:
        every = team_records.of_organization(self.connection, organization.id)
        team = next((one for one in every if one.name == declared.name), None)
        if team is None:
            team = team_records.add(self.connection, organization.id, declared.name, self.now)
            self._log("team.added", team.name, organization.id, team.id)
            self.lines.append(f"+ team {team.name!r} of {organization.name!r}")
        self._apply_safeguards(organization, team, declared.safeguards)
        self._apply_objectives(team, declared.objectives)
        if declared.subscriptions is not None:
            apply_subscriptions(self, organization, team, declared.subscriptions)
        if declared.expected_runs is not None:
            apply_expected_runs(self, team, declared.expected_runs)

    def _prune_teams(self, organization: Organization, names: set[str]) -> None:
        if not self.prune:
            return
        for team in team_records.of_organization(self.connection, organization.id):
            if team.name in names:
                continue
            reason = team_records.in_the_way(self.connection, team.id)
            if reason:
                self.lines.append(f"  team {team.name!r} stays: it still has {reason}")
                continue
            self.lines.append(f"- team {team.name!r} of {organization.name!r}")
            team_records.remove(self.connection, team, self.now)
            self._log("team.removed", team.name, organization.id, team.id)

    # --- safeguards ----------------------------------------------------------------------------

    def _apply_safeguards(
        self,
        organization: Organization,
        team: Team | None,
        declared: tuple[DeclaredSafeguard, ...] | None,
    ) -> None:
        if declared is None:
            return
        scope = team.name if team else organization.name
        present = self._list_safeguards(organization, team)
        for item in declared:
            safeguard = next(
                (s for s in present if (s.name, s.kind) == (item.name, item.kind)), None
            )
            if safeguard is None:
                self._add_safeguard(organization, team, item, scope)
            else:
                self._change_safeguard(safeguard, item, scope)
        if self.prune:
            keys = {(item.name, item.kind) for item in declared}
            self._prune_safeguards(s for s in present if (s.name, s.kind) not in keys)

    def _list_safeguards(self, organization: Organization, team: Team | None) -> list[Safeguard]:
        team_id = team.id if team else None
        every = safeguard_records.list_safeguards(self.connection, organization.id, self.now)
        return [safeguard for safeguard in every if safeguard.team_id == team_id]

    def _add_safeguard(
        self, organization: Organization, team: Team | None, item: DeclaredSafeguard, scope: str
    ) -> None:
        added = safeguard_records.create(
            self.connection,
            organization.id,
            team.id if team else None,
            item.kind,
            item.name,
            self.now,
            operator=self.operator,
            **read_safeguard(item),
        )
        self.lines.append(f"+ safeguard {item.name!r} ({item.kind}) of {scope!r}")
        if KINDS[item.kind].has_secret:
            secret = safeguard_records.renew_secret(self.connection, added.id)
            self.secrets.append(f"{item.name}: /api/v1/alerts/{added.id}, secret {secret}")

    def _change_safeguard(self, safeguard: Safeguard, item: DeclaredSafeguard, scope: str) -> None:
        values = read_safeguard(item)
        differing = [name for name, value in values.items() if value != getattr(safeguard, name)]
        if differing:
            words = ", ".join(differing)
            self.lines.append(f"~ safeguard {item.name!r} ({item.kind}) of {scope!r}: {words}")
            safeguard_records.change(
                self.connection, safeguard, self.now, operator=self.operator, **values
            )

    def _prune_safeguards(self, safeguards: Iterable[Safeguard]) -> None:
        """Remove what an operator has set; what people set is theirs to remove."""
        for safeguard in safeguards:
            if safeguard.person_id is None:
                self.lines.append(f"- safeguard {safeguard.name!r} ({safeguard.kind})")
                safeguard_records.remove(
                    self.connection, safeguard, self.now, operator=self.operator
                )
            else:
                self.lines.append(f"  safeguard {safeguard.name!r} stays: a person set it")

    # --- objectives ----------------------------------------------------------------------------

    def _apply_objectives(self, team: Team, declared: tuple[DeclaredObjective, ...] | None) -> None:
        if declared is None:
            return
        present = {one.name: one for one in self._list_objectives(team)}
        for item in declared:
            values = read_objective(item)
            objective = present.pop(item.name, None)
            if objective is None:
                self._write_objective(team, item.name, None, values)
                continue
            differing = [
                name for name, value in values.items() if getattr(objective, name) != value
            ]
            if differing:
                self._write_objective(team, item.name, objective, values, ", ".join(differing))
        if self.prune:
            for objective in present.values():
                self._prune_objective(team, objective)

    def _list_objectives(self, team: Team) -> list[Objective]:
        return objective_records.list_page(self.connection, team.id, limit=10_000)

    def _write_objective(
        self,
        team: Team,
        name: str,
        before: Objective | None,
        values: dict[str, Any],
        differing: str = "",
    ) -> None:
        row = {
            **values,
            "tags": msgspec.json.encode(values["tags"]).decode(),
            "measurement": msgspec.json.encode(values["measurement"]),
            "updated_at": self.now,
        }
        objective_id = before.id if before else new_id()
        if before:
            where = objectives.c.id == objective_id
            self.connection.execute(update(objectives).where(where).values(**row))
            self.lines.append(f"~ objective {name!r} of {team.name!r}: {differing}")
        else:
            own = {"id": objective_id, "team_id": team.id, "name": name, "created_at": self.now}
            self.connection.execute(objectives.insert().values(**row, **own))
            self.lines.append(f"+ objective {name!r} of {team.name!r}")
        action = "objective.changed" if before else "objective.added"
        target = ("objective", objective_id)
        self._log(action, name, team.organization_id, team.id, target)

    def _prune_objective(self, team: Team, objective: Objective) -> None:
        used = select(exists().where(verifications.c.objective_id == objective.id))
        if self.connection.scalar(used):
            self.lines.append(f"  objective {objective.name!r} stays: a verification is of it")
            return
        self.lines.append(f"- objective {objective.name!r} of {team.name!r}")
        self.connection.execute(delete(objectives).where(objectives.c.id == objective.id))
        self._log("objective.removed", objective.name, team.organization_id, team.id)

    def _log(
        self,
        action: str,
        subject: str,
        organization_id: str,
        team_id: str | None = None,
        target: tuple[str, str] | None = None,
    ) -> None:
        audit.add_entry(
            self.connection,
            action,
            subject,
            self.now,
            organization_id=organization_id,
            team_id=team_id,
            operator=self.operator,
            target=target,
        )
