"""Generated definitions on the machine: every name, text and value comes back as it was given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import strategies as st

from startup import Directory, Download, File, Packages, Service, Shell, Unit, User, validate
from startup.testing.machine import Machine
from startup.testing.root import why_not

from ..generated import Given, definitions, try_many
from .probing import play, prepare, together

REASON = why_not()
MACHINES = [("gcp", "dash"), ("gcp", "bash"), ("aws", "dash"), ("azure", "bash")]


# A user takes as long as ten other steps.
KINDS = (*(Shell, File, Shell, File, Directory, Unit, Download) * 3, Service, Packages, User)


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Machine]]:
    """A machine of each cloud, under both shells, on which one definition follows the other."""
    if REASON:
        pytest.skip(REASON)
    made = [Machine(tmp_path_factory.mktemp(cloud), shell, cloud) for cloud, shell in MACHINES]
    try:
        for machine in made:
            prepare(machine)
        yield made
    finally:
        for machine in made:
            machine.__exit__()


def test_everything_comes_back(machines: list[Machine], exhaustive: bool) -> None:
    """R4, L12: contents, scripts, values, paths, modes and names reach the machine byte for byte, whatever they hold.

    The definitions of an example that have no name and no value in common share a boot.
    """
    several = st.lists(st.lists(definitions(KINDS), min_size=1, max_size=8), min_size=1, max_size=4)
    batches = st.tuples(st.sampled_from(machines), several, st.integers(0, 11))

    def check(example: tuple[Machine, list[list[Given]], int]) -> int:
        machine, lists, number = example
        accepted = [given for some in lists for given in some if not validate(given.definition, given.values)]
        for played in together(accepted, machine.cloud):
            assert [] == list(play(machine, played, number))
        return len(accepted)

    try_many(10_000 if exhaustive else 1_000, batches, check)
