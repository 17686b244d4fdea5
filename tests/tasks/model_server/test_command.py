"""What becomes of a command with placeholders."""

import pytest

from tasks.core.errors import ConfigError
from tasks.model_server.command import fill_command


def test_every_placeholder_is_filled_wherever_it_stands():
    words = fill_command(
        "vllm serve {checkpoint} --port={port} --name {model}-{port}", "/m/7b", "mine", 8001
    )
    assert words == ("vllm", "serve", "/m/7b", "--port=8001", "--name", "mine-8001")


def test_a_value_stays_one_word_whatever_is_in_it():
    path = """/m/my "best' $(reboot); model"""
    assert fill_command("serve {checkpoint} {port}", path, "m", 1) == ("serve", path, "1")


def test_a_placeholder_in_a_value_is_text():
    assert fill_command("serve {checkpoint} {port}", "/m/{port}", "m", 7)[1] == "/m/{port}"


def test_json_is_left_alone():
    words = fill_command("""serve {port} --set '{"rope": {"factor": 2.0}}' {} {0}""", "c", "m", 1)
    assert words == ("serve", "1", "--set", '{"rope": {"factor": 2.0}}', "{}", "{0}")


def test_a_placeholder_inside_json_is_filled():
    assert fill_command("""serve '{"at":{port}}'""", "c", "m", 80) == ("serve", '{"at":80}')


def test_a_command_over_several_lines_is_one_command():
    assert fill_command("serve \\\n  --port {port}\n", "c", "m", 5) == ("serve", "--port", "5")


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("serve {chekpoint} {port}", "{chekpoint}"),
        ("serve {PORT}", "{PORT}"),
        ("serve {checkpoint}", "{port}, where"),
        ("serve '{checkpoint} {port}", "no closing quotation"),
        ("  \n ", "a command"),
        ("serve {port} \0", "NUL"),
    ],
)
def test_a_command_that_cannot_be_run_is_refused(template, said):
    with pytest.raises(ConfigError, match=said):
        fill_command(template, "c", "m", 1)
