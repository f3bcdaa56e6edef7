"""A team's side of the API: what its scripts do again and again."""

from typing import Any

from starlette.testclient import TestClient

from chaoscloud.console.records.teams import Team
from tests.console.documents import experiment, journal


class TeamApi:
    """One caller's calls below one team's address."""

    def __init__(self, client: TestClient, team: Team) -> None:
        self.client = client
        self.base = f"/api/v1/organizations/{team.organization_id}/teams/{team.id}"

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(self.base + path, **more)

    def post(self, path: str, body: object = None, **more: Any) -> Any:
        sent = more if "content" in more else {"json": body, **more}
        return self.client.post(self.base + path, **sent)

    def put(self, path: str, body: object = None, **more: Any) -> Any:
        sent = more if "content" in more else {"json": body, **more}
        return self.client.put(self.base + path, **sent)

    def published(self, document: dict[str, Any] | None = None) -> str:
        """The id of an experiment that was just published."""
        answer = self.post("/experiments", {"experiment": document or experiment()})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def started(self, experiment_id: str | None = None, **more: Any) -> str:
        """The path, below the team, of an execution that was just created."""
        of = experiment_id or self.published()
        answer = self.post(f"/experiments/{of}/executions", {"journal": journal(**more)})
        assert answer.status_code == 201, answer.text
        return f"/experiments/{of}/executions/{answer.json()['id']}"
