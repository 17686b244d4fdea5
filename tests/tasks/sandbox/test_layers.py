"""A level is read off the layers that a child reported, and says what is missing."""

import pytest

from tasks.sandbox.layers import Layer, Level, grade, reaches, report_level

FULL = set(Layer) - {Layer.MOUNT_NS, Layer.SESSION, Layer.ENVIRONMENT, Layer.PDEATHSIG}


@pytest.mark.parametrize(
    ("layers", "level"),
    [
        (FULL, Level.FULL),
        (FULL - {Layer.NET_NS}, Level.STRONG),
        (FULL - {Layer.UID}, Level.STRONG),
        ({Layer.LANDLOCK, Layer.SECCOMP}, Level.STRONG),
        (FULL - {Layer.LANDLOCK}, Level.ANY),
        ({Layer.SECCOMP}, Level.ANY),
        (FULL - {Layer.LANDLOCK, Layer.SECCOMP}, Level.NONE),
        (set(), Level.NONE),
    ],
)
def test_a_level_is_as_strong_as_its_layers(layers, level):
    assert grade({str(layer) for layer in layers}) is level


def test_levels_have_an_order():
    assert reaches(Level.FULL, Level.STRONG)
    assert reaches(Level.STRONG, Level.STRONG)
    assert not reaches(Level.ANY, Level.STRONG)
    assert reaches(Level.NONE, Level.NONE)
    assert not reaches(Level.NONE, Level.ANY)


def test_a_report_is_one_line_that_says_what_would_help():
    report = report_level(str(layer) for layer in FULL - {Layer.LANDLOCK})
    assert report.missing == (Layer.LANDLOCK,)
    assert "\n" not in str(report)
    assert "isolation any" in str(report)
    assert "5.13" in str(report)


def test_a_full_report_asks_for_nothing():
    assert str(report_level(FULL)) == "isolation full"


def test_advice_is_given_once_for_all_namespaces():
    namespaces = {Layer.USER_NS, Layer.PID_NS, Layer.NET_NS, Layer.IPC_NS, Layer.PROCESSES}
    report = report_level(FULL - namespaces)
    assert set(report.missing) == namespaces
    assert len(report.advice) == 1
