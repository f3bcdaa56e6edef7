"""Badges of experiments: off, unless a team turns one on; its address cannot be guessed."""

import secrets
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select, update

from chaoscloud.console.db.schema import experiment_summaries, experiments, team_experiments
from chaoscloud.console.records import audit
from chaoscloud.console.records.audit import Author
from chaoscloud.console.records.experiment_summaries import decode_recent
from chaoscloud.console.rules.experiment_states import RecentRun

__all__ = ["Badge", "find_badge", "find_badge_secret", "set_badge"]


class Badge(msgspec.Struct, frozen=True):
    """What a badge shows: the last run that has ended and was no dry one; None without one."""

    run: RecentRun | None


def set_badge(
    connection: Connection, author: Author, experiment_id: str, is_on: bool, now: datetime
) -> str | None:
    """Give the experiment a badge at a new address, or take it away; None for an unknown one.

    Return the secret part of its address, empty where it has none. An earlier address ends.
    """
    link = team_experiments.c
    own = (link.team_id == author.team_id, link.experiment_id == experiment_id)
    title = connection.scalar(
        select(experiments.c.title)
        .join(team_experiments, link.experiment_id == experiments.c.id)
        .where(*own)
    )
    if title is None:
        return None
    secret = secrets.token_urlsafe(24) if is_on else None
    connection.execute(update(team_experiments).where(*own).values(badge=secret))
    action = "experiment.badge_added" if is_on else "experiment.badge_removed"
    audit.add_author_entry(connection, author, action, title, now, ("experiment", experiment_id))
    return secret or ""


def find_badge_secret(connection: Connection, team_id: str, experiment_id: str) -> str | None:
    """The secret part of the address of an experiment's badge; None where it has none."""
    link = team_experiments.c
    statement = select(link.badge).where(
        link.team_id == team_id, link.experiment_id == experiment_id
    )
    secret: str | None = connection.scalar(statement)
    return secret


def find_badge(connection: Connection, secret: str) -> Badge | None:
    """The badge at this address; None where there is none (any more)."""
    link, summary = team_experiments.c, experiment_summaries.c
    statement = (
        select(link.badge, summary.recent)
        .outerjoin(
            experiment_summaries,
            (summary.team_id == link.team_id) & (summary.experiment_id == link.experiment_id),
        )
        .where(link.badge == secret)
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    runs = decode_recent(row.recent or "[]")
    ended = (run for run in runs if run.outcome is not None and not run.dry)
    return Badge(next(ended, None))
