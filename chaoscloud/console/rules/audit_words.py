"""Entries of the audit log as sentences, and the pages that they lead to."""

from collections.abc import Mapping

import msgspec

# What follows the name of who did it: {subject} may become a link, {team} is the team's name.
SENTENCES: Mapping[str, str] = {
    "organization.added": "added the organization {subject}",
    "organization.renamed": "renamed the organization {subject}",
    "organization.removed": "removed the organization {subject}",
    "organization.left": "took {subject} out of the organization",
    "owner.added": "made {subject} an owner",
    "member.added": "made {subject} a member",
    "person.added": "added {subject}",
    "person.renamed": "renamed {subject}",
    "person.removed": "removed {subject}",
    "person.erased": "erased the name of {subject}",
    "team.added": "added the team {subject}",
    "team.renamed": "renamed the team {subject}",
    "team.exported": "wrote the team {subject} into a file",
    "team.imported": "brought records into the team {subject}",
    "team.removed": "removed the team {subject}",
    "team.joined": "put {subject} on the team {team}",
    "team.left": "took {subject} off the team {team}",
    "token.added": "made the token {subject}",
    "token.revoked": "revoked the token {subject}",
    "session.started": "signed in with the token {subject}",
    "session.refused": "could not sign in with the token {subject}",
    "session.link-refused": "could not sign in with an address that was used up or too old",
    "session.ended": "signed out",
    "safeguard.stopped": "stopped all runs: {subject}",
    "run.stopped": "stopped one run: {subject}",
    "safeguard.resumed": "released the stop: {subject}",
    "safeguard.added": "set the safeguard {subject}",
    "safeguard.changed": "changed the safeguard {subject}",
    "safeguard.removed": "removed the safeguard {subject}",
    "safeguard.secret-renewed": "renewed the secret of the alert address of {subject}",
    "safeguards.required": "required an answer of safeguards {subject}",
    "safeguards.optional": "no longer required an answer of safeguards {subject}",
    "subscription.added": "subscribed {subject}",
    "subscription.changed": "changed the subscription {subject}",
    "subscription.removed": "removed the subscription {subject}",
    "subscription.paused": "paused the subscription {subject}",
    "subscription.resumed": "resumed the subscription {subject}",
    "subscription.secret-renewed": "renewed the secret of the subscription {subject}",
    "experiment.added": "published the experiment {subject}",
    "experiment.changed": "published a new version of the experiment {subject}",
    "objective.added": "added the objective {subject}",
    "objective.changed": "changed the objective {subject}",
    "objective.removed": "removed the objective {subject}",
    "verification.added": "added the verification {subject}",
    "expected-run.added": "expected runs of {subject}",
    "expected-run.changed": "changed when runs are expected: {subject}",
    "expected-run.removed": "expected no more runs of {subject}",
    "note.added": "wrote a note: {subject}",
    "finding.added": "wrote a finding: {subject}",
    "finding.fixed": "said that a finding is fixed: {subject}",
    "finding.reopened": "opened a finding again: {subject}",
    "journal.replaced": "replaced the journal of {subject}",
    "attention.seen": "saw what needed attention: {subject}",
    "attention.returned": "said that it needs attention again: {subject}",
    "team.stale-days": "chose after how many days an experiment is stale: {subject}",
    "experiment.renamed": "renamed the experiment {subject}",
    "experiment.archived": "archived the experiment {subject}",
    "experiment.badge_added": "gave the experiment {subject} a badge",
    "experiment.badge_removed": "took the badge of the experiment {subject} away",
    "experiment.restored": "brought back the experiment {subject}",
    "execution.removed": "removed the stop test {subject}",
    "retention.changed": "chose what is kept: {subject}",
    "retention.held": "held {subject}",
    "retention.released": "no longer held {subject}",
    "retention.applied": "removed what is not kept any more: {subject}",
}
NOBODY = "Somebody"  # who signs in with a token that nobody has
_AUTHORS: Mapping[str, str] = {  # of entries that name no person and no operator
    "session.refused": NOBODY,
    "retention.applied": "The console",
}

# The filter's value: its label, and how its actions begin.
KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "": ("All", ()),
    "safeguards": ("Safeguards", ("safeguard", "run.")),
    "records": (
        "Records",
        (
            "experiment.",
            "objective.",
            "verification.",
            "journal.",
            "execution.",
            "note.",
            "finding.",
            "expected-run.",
            "retention.",
            "attention.",
        ),
    ),
    "subscriptions": ("Subscriptions", ("subscription.",)),
    "people": ("People", ("person.", "owner.", "member.", "organization.")),
    "teams": ("Teams", ("team.",)),
    "tokens": ("Tokens and sign-ins", ("token.", "session.")),
}

_PAGES: Mapping[str, str] = {  # below the address of a team
    "execution": "executions",
    "experiment": "experiments",
    "objective": "objectives",
    "verification": "verifications",
    "safeguard": "safeguards",
    "person": "people",
    "subscription": "subscriptions",
}


class Sentence(msgspec.Struct, frozen=True):
    """An entry in words: `before`, then the subject, then `after`."""

    before: str
    subject: str
    after: str

    def __str__(self) -> str:
        return f"{self.before}{self.subject}{self.after}"


def describe(action: str, subject: str, team_name: str | None) -> Sentence:
    """What was done, without who did it: "put Bob on the team Checkout"."""
    template = SENTENCES.get(action, action.replace(".", " ") + " {subject}")
    before, marker, after = template.partition("{subject}")
    team = team_name or "that was removed"
    return Sentence(
        before.format(team=team), subject if marker else "", after.format(team=team).rstrip()
    )


def name_author(action: str) -> str:
    """Who did it, where the entry names nobody."""
    return _AUTHORS.get(action, "The operator")


def page_of(object_type: str | None) -> str | None:
    """The part of a team's address where things of this type have their pages."""
    return _PAGES.get(object_type or "")
