"""Tags: experiments that carry some may not run, or only those that do."""

from typing import Annotated, Literal

import msgspec

from chaoscloud.console.rules.verdict.words import Question, Safeguard, Said, refusal

Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Tags = Annotated[tuple[Tag, ...], msgspec.Meta(max_length=50)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`forbid`: what carries one of the tags may not run; `allow`: nothing else may."""

    mode: Literal["forbid", "allow"]
    tags: Annotated[Tags, msgspec.Meta(min_length=1)]


def says(safeguard: Safeguard, settings: Settings, asked: Question) -> Said:
    """No, by the run's tags; about runs in general there is nothing to say."""
    if asked.run is None:
        return Said()
    carried = [tag for tag in settings.tags if tag in asked.run.tags]
    if bool(carried) == (settings.mode == "allow"):
        return Said()
    return Said(refusal(safeguard))
