"""What is installed is pinned, has the digests of its files, and is listed with its licence."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires

import pytest
from packaging.requirements import Requirement

from tests.conftest import PROJECT

LOCKED = (PROJECT / "requirements.txt").read_text(encoding="utf-8")
_RELEASE = re.compile(r"^([a-zA-Z0-9._-]+)==(\S+)", re.M)
# Which files torch has depends on the processor it is for, so that the Makefile names it by itself.
_WITH_TORCH = re.compile(r"torch|nvidia-.*|cuda-.*|triton")


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def releases(text: str) -> set[tuple[str, str]]:
    return {(canonical(name), release) for name, release in _RELEASE.findall(text)}


def needed(name: str, found: set[str]) -> None:
    """Add to ``found`` what the installed package ``name`` needs here, extras apart."""
    if name in found or _WITH_TORCH.fullmatch(name):
        return
    found.add(name)
    try:
        wanted = requires(name) or []
    except PackageNotFoundError:  # for another platform or release of Python
        found.remove(name)
        return
    for each in map(Requirement, wanted):
        if each.marker is None or each.marker.evaluate({"extra": ""}):
            needed(canonical(each.name), found)


def test_every_locked_release_has_digests() -> None:
    entries = re.split(r"\n(?=[a-z])", LOCKED[LOCKED.index("\n\n") if "\n\n" in LOCKED else 0 :])
    locked = [each for each in entries if _RELEASE.match(each)]
    assert len(locked) > 30
    for each in locked:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", each), each


def test_the_lock_has_the_releases_that_are_tested() -> None:
    tested = releases((PROJECT / "constraints.txt").read_text(encoding="utf-8"))
    assert releases(LOCKED) <= tested


def default_install() -> set[str]:
    """All that `make chat` installs here, without torch and what comes with it."""
    tomllib = pytest.importorskip("tomllib")  # from Python 3.11 on
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found: set[str] = set()
    for each in (*project["dependencies"], *project["optional-dependencies"]["formats"]):
        needed(canonical(Requirement(each).name), found)
    return found


def test_the_lock_has_all_that_the_default_install_needs() -> None:
    assert default_install() <= {name for name, _ in releases(LOCKED)}, "run: make lock"


def test_packages_are_listed_with_their_licences() -> None:
    lines = (PROJECT / "docs" / "licences.md").read_text(encoding="utf-8").splitlines()[2:]
    listed = {canonical(name): licence for name, _, licence in map(cells, lines)}
    assert all(licence and licence != "UNKNOWN" for licence in listed.values())
    assert default_install() <= listed.keys(), "run: make sbom"


def cells(line: str) -> tuple[str, str, str]:
    name, release, licence = (each.strip() for each in line.strip("|").split("|"))
    return name, release, licence
