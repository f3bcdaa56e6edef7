"""What a search looks through, and what it looks for: words, whichever letters are capital."""

from collections.abc import Iterable

MOST_WORDS = 8
LONGEST_WORD = 100  # characters


def join_texts(texts: Iterable[str | None]) -> str:
    """The texts of one record, as a search looks through them; a line for each."""
    return "\n".join(" ".join(text.casefold().split()) for text in texts if text)


def split_query(query: str) -> tuple[str, ...]:
    """The words of a query: a record matches when all of them stand in it, in any order."""
    words = (word[:LONGEST_WORD] for word in query.casefold().split())
    return tuple(dict.fromkeys(words))[:MOST_WORDS]
