"""Tags: experiments that carry some may not run, or only those that do."""

from typing import Annotated, Literal

import msgspec

from chaoscloud.console.rules.safeguards.fields import (
    LONGEST_TAG,
    MOST_TAGS,
    ChoiceField,
    TagsField,
)
from chaoscloud.console.rules.safeguards.kind import Kind
from chaoscloud.console.rules.safeguards.model import Finding, Question, Safeguard, denial

Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_TAG, pattern=r"^[^\x00]*$")]
Tags = Annotated[tuple[Tag, ...], msgspec.Meta(max_length=MOST_TAGS)]


class TagsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`forbid`: what carries one of the tags may not run; `allow`: nothing else may."""

    mode: Literal["forbid", "allow"]
    tags: Annotated[Tags, msgspec.Meta(min_length=1)]


class TagsKind(Kind[TagsSettings]):
    """Denies by the tags of a run; about runs in general it has nothing to deny."""

    name = "tags"
    label = "Tags"
    purpose = "Experiments that carry a tag do not run, or no others do."
    settings = TagsSettings
    decides_by_tags = True
    fields = (
        ChoiceField(
            "mode",
            "What carries one of these tags",
            "What the tags mean",
            initial="forbid",
            choices=(("forbid", "may not run"), ("allow", "may run, and nothing else")),
        ),
        TagsField(
            "tags",
            "Tags, with commas between",
            "The tags",
            wide=True,
            placeholder="production, kafka",
        ),
    )

    def decide(self, safeguard: Safeguard, settings: TagsSettings, question: Question) -> Finding:
        """Deny a run that carries a forbidden tag, or none of the allowed ones."""
        if question.run is None:
            return Finding()
        is_tagged = not set(settings.tags).isdisjoint(question.run.tags)
        return Finding() if is_tagged == (settings.mode == "allow") else Finding(denial(safeguard))

    def describe(self, settings: TagsSettings) -> str:
        """Which tags may run, or may not."""
        tags = ", ".join(settings.tags)
        return (
            f"Nothing tagged {tags}" if settings.mode == "forbid" else f"Only what is tagged {tags}"
        )


KIND = TagsKind()
