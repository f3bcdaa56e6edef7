"""The page about the Python API names every public name, with its arguments."""

import re
from pathlib import Path

import pytest

from tests.plugin import test_public_names as public

PAGE = (Path(__file__).parent.parent / "docs" / "api.md").read_text()


def section_of(module: str) -> str:
    """Return the part of the page about a module; the whole page where it has none."""
    _, heading, rest = PAGE.partition(f"## `{module}`\n")
    return rest.split("\n## ")[0] if heading else PAGE


@pytest.mark.parametrize(("module", "name", "parameters"), public.signatures())
def test_each_function_is_on_the_page_as_it_is_called(
    module: str, name: str, parameters: str
) -> None:
    """Names and arguments are those that a test holds against the code."""
    call = re.sub(r"\s+", " ", f"`{name}({parameters})`")

    assert call in section_of(module)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *public.names(public.CALLABLES),
        *public.names(public.EXCEPTIONS),
        *((module, name) for module, names in public.VALUES.items() for name in names),
    ],
)
def test_each_other_public_name_is_on_the_page(module: str, name: str) -> None:
    """Values, types, exceptions, and functions that document their own arguments."""
    assert re.search(rf"`(?:{re.escape(module)}\.)?{name}[`(]", section_of(module))
