"""requirements.lock pins what pyproject.toml asks for."""

from __future__ import annotations

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES = [
    line
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    if not line.lstrip().startswith("#")
]


def requirements() -> list[Requirement]:
    """Return what the project, its extras, its tools and its build ask for."""
    project = PROJECT["project"]
    groups = [
        PROJECT["build-system"]["requires"],
        project["dependencies"],
        *project["optional-dependencies"].values(),
        *PROJECT["dependency-groups"].values(),
    ]
    found = [Requirement(text) for group in groups for text in group]
    # An extra may name another extra of the project itself.
    return [requirement for requirement in found if requirement.name != project["name"]]


def pins() -> dict[str, str]:
    """Return the version of every package in the lock, by normalised name."""
    found = [Requirement(line) for line in LINES]
    return {canonicalize_name(pin.name): str(pin.specifier).removeprefix("==") for pin in found}


@pytest.mark.parametrize("line", LINES)
def test_every_line_pins_one_package_and_says_nothing_of_where_it_comes_from(line: str) -> None:
    pin = Requirement(line)

    assert pin.url is None
    assert [specifier.operator for specifier in pin.specifier] == ["=="]


@pytest.mark.parametrize("requirement", requirements(), ids=str)
def test_every_requirement_is_pinned_to_a_version_in_its_range(requirement: Requirement) -> None:
    version = pins().get(canonicalize_name(requirement.name))

    assert version is not None, "run `make lock`"
    assert requirement.specifier.contains(version), "run `make lock`"


def test_what_the_pinned_packages_need_is_pinned_too() -> None:
    locked = pins()
    missing = {
        f"{name} needs {needed.name}"
        for name in locked
        for needed in installed_needs(name)
        if canonicalize_name(needed.name) not in locked
    }

    assert missing == set()


def installed_needs(name: str) -> list[Requirement]:
    """Return what an installed package needs here; nothing, when it is not for this platform."""
    try:
        texts = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []
    needed = [Requirement(text) for text in texts]
    return [r for r in needed if r.marker is None or r.marker.evaluate({"extra": ""})]
