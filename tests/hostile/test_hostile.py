"""No program passes without the right values, obtains what it must not, or leaves anything."""

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tasks.core.records import Reason
from tasks.sandbox.layers import Level, reaches

if TYPE_CHECKING:
    from tests.hostile.conftest import Attack, Observed

CATEGORIES = "exit patch object vacuous search forge hijack escape exhaust bomb".split()
# The names of the processes that programs leave behind below level strong.
LEFT_BEHIND = ("hostile-", "scizombie")


def _require(attack: "Attack", observed: "Observed") -> None:
    if not reaches(observed.level, attack.level):
        pytest.skip(f"stopped at level {attack.level}, here is {observed.level}")


def test_honest_code_passes_before_and_after_the_corpus(observed: "Observed"):
    reasons = {step: [v.reason for v in verdicts] for step, verdicts in observed.honest.items()}
    assert reasons == {step: [Reason.PASSED, Reason.PASSED] for step in reasons}
    assert len(reasons) >= 10


def test_no_program_is_passed_and_no_probe_succeeds(attack: "Attack", observed: "Observed"):
    _require(attack, observed)
    reasons = {step: observed.verdicts[attack.name, step].reason for step in attack.steps}
    assert Reason.PASSED not in reasons.values(), reasons


def test_no_program_leaves_a_marker(attack: "Attack", observed: "Observed"):
    _require(attack, observed)
    assert observed.markers[attack.name] == []


def test_every_program_gets_a_verdict_that_can_be_shown(attack: "Attack", observed: "Observed"):
    assert [error for (name, _), error in observed.errors.items() if name == attack.name] == []
    for step in attack.steps:
        verdict = observed.verdicts[attack.name, step]
        assert len(verdict.detail) <= 2000
        assert all(c.isprintable() or c in "\n\t" for c in verdict.detail)


def test_no_process_survives(observed: "Observed"):
    if reaches(observed.level, Level.STRONG):
        assert observed.survivors == []
    else:
        assert [name for name in observed.survivors if not name.startswith(LEFT_BEHIND)] == []


def test_a_bystander_is_unharmed(observed: "Observed"):
    assert observed.bystander_lives


def test_no_descriptor_or_folder_is_left(observed: "Observed"):
    assert (observed.descriptors, observed.folders) == ([], [])


def test_no_program_changes_the_layers_that_its_verdict_names(observed: "Observed"):
    assert len({verdict.layers for verdict in observed.verdicts.values()}) == 1


def test_the_corpus_is_whole(attacks: "list[Attack]"):
    own = [attack for attack in attacks if not attack.shared]
    files = {path.stem for path in own[0].path.parent.glob("*.py")}
    assert {attack.path.stem for attack in own} == files
    assert len(own) >= 70
    counts = Counter(attack.category for attack in own)
    assert list(counts) == CATEGORIES
    assert min(counts.values()) >= 7


def test_every_program_says_what_it_tries(attacks: "list[Attack]"):
    first = {a.name: a.path.read_text().partition("\n")[0] for a in attacks if not a.shared}
    assert [name for name, line in first.items() if not (line[:3] == line[-3:] == '"""')] == []
    assert len(set(first.values())) == len(first)
