"""The model's thinking never reaches the candidate, and its programs keep their tags."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.core.reasoning import SplitText, join_thoughts, split_reasoning

BLOCK = "```python\ndef f():\n    return '</think>'\n```"


def test_text_without_tags_is_left_as_it_is() -> None:
    assert split_reasoning("  an answer\n") == SplitText("  an answer\n", None)


def test_a_think_block_at_the_start_is_split_off() -> None:
    assert split_reasoning("\n<think>\nhm\n</think>\n\nanswer\n") == SplitText("answer\n", "hm")


def test_an_empty_think_block_is_no_reasoning() -> None:
    assert split_reasoning("<think>\n\n</think>\n\nanswer") == SplitText("answer", None)


def test_an_unclosed_think_leaves_no_answer() -> None:
    text = "<think>first I try\n```python\nx = 1\n```\nand then"
    assert split_reasoning(text).answer == ""
    assert split_reasoning(text).reasoning == text.removeprefix("<think>")


def test_everything_before_a_lone_closing_tag_is_reasoning() -> None:
    assert split_reasoning("let me see\n</think>\nanswer") == SplitText("answer", "let me see")


def test_code_in_the_reasoning_is_split_off_with_it() -> None:
    text = f"<think>try\n```python\nwrong\n```\n</think>\n{BLOCK}"
    assert split_reasoning(text) == SplitText(BLOCK, "try\n```python\nwrong\n```")


@pytest.mark.parametrize(
    "text",
    [BLOCK, f"Here it is:\n{BLOCK}\ndone", "```\n</think>\n```", "uses <think> in prose"],
)
def test_tags_inside_the_answer_survive(text: str) -> None:
    assert split_reasoning(text) == SplitText(text, None)


def test_a_tag_in_the_answers_code_survives_behind_reasoning() -> None:
    assert split_reasoning(f"<think>hm</think>{BLOCK}") == SplitText(BLOCK, "hm")


def test_a_tag_in_the_reasonings_code_does_not_end_it() -> None:
    text = f"<think>\n{BLOCK}\nmore\n</think>\nanswer"
    assert split_reasoning(text) == SplitText("answer", f"{BLOCK}\nmore")


def test_a_code_block_left_open_in_the_reasoning_does_not_hide_its_end() -> None:
    answer = "```python\ny = 2\n```"
    text = f"<think>\n```python\nx = 1\nwait\n</think>\n{answer}"
    assert split_reasoning(text).answer == answer


def test_a_bare_block_left_open_in_the_reasoning_does_not_hide_its_end() -> None:
    text = "<think>\n```\nx = 1\nwait\n</think>\n```\ny = 2\n```"
    assert split_reasoning(text).answer == "```\ny = 2\n```"


def test_carriage_returns_do_not_hide_a_tag() -> None:
    assert split_reasoning("<think>\r\nhm\r\n</think>\r\nanswer") == SplitText("answer", "hm")


@given(st.lists(st.sampled_from(["<think>", "</think>", "```", "```python", "\n", "x", " "])))
def test_no_character_is_invented_and_the_answer_is_the_end_of_the_text(parts: list[str]) -> None:
    text = "".join(parts)
    split = split_reasoning(text)
    assert text.endswith(split.answer)
    assert all(line in text for line in (split.reasoning or "").split("\n"))


@given(st.text(alphabet="ab \n`", max_size=60), st.text(alphabet="ab \n", max_size=60))
def test_what_stands_before_a_closing_tag_on_its_line_is_never_the_answer(
    thought: str, answer: str
) -> None:
    assert split_reasoning(f"<think>{thought}\n</think>\n{answer}").answer == answer.lstrip("\n")


def test_a_long_text_of_fences_and_tags_is_split_in_one_pass() -> None:
    text = "<think>" + "```\n</think>\n```\n" * 20_000 + "</think>\nanswer"
    assert split_reasoning(text).answer == "answer"


PAIRS = [
    ("<think>", "</think>"),
    ("<Think>", "</Think>"),
    ("<THINKING>", "</THINKING>"),
    ("< think >", "< / think >"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
]
ANSWER = f"Here:\n{BLOCK}"


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_every_pair_of_tags_is_known(opening: str, closing: str) -> None:
    expected = SplitText(ANSWER, "hm")
    assert split_reasoning(f"{opening}\nhm\n{closing}\n\n{ANSWER}") == expected
    assert split_reasoning(f" \n{opening}hm{closing}{ANSWER}") == expected


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_every_tag_can_be_left_open_or_stand_alone(opening: str, closing: str) -> None:
    assert split_reasoning(f"{opening}hm\n{BLOCK}") == SplitText("", f"hm\n{BLOCK}")
    assert split_reasoning(f"hm\n{closing}\n{ANSWER}") == SplitText(ANSWER, "hm")


@pytest.mark.parametrize(("opening", "closing"), PAIRS)
def test_tags_in_a_program_survive_byte_for_byte(opening: str, closing: str) -> None:
    code = f'```python\nx = {opening!r}\ny = """\n{closing}\n"""\n```'
    assert split_reasoning(code) == SplitText(code)
    assert split_reasoning(f"{opening}hm{closing}{code}") == SplitText(code, "hm")
    assert split_reasoning(f"{opening}hm{closing}{code}", parted=True) == SplitText(code, "hm")


@pytest.mark.parametrize("opening", [opening for opening, _ in PAIRS])
def test_an_opening_tag_behind_text_is_a_part_of_the_answer(opening: str) -> None:
    assert split_reasoning(f"I use {opening} here") == SplitText(f"I use {opening} here")


def test_blocks_in_a_row_are_all_reasoning() -> None:
    text = "<think>a</think>\n\n<think>\nb\n</think> <reasoning>c</reasoning>\nanswer"
    assert split_reasoning(text) == SplitText("answer", "a\n\nb\n\nc")


def test_the_last_block_of_a_row_may_be_left_open() -> None:
    assert split_reasoning("<think>a</think>\n<think>b") == SplitText("", "a\n\nb")


def test_another_pair_inside_does_not_end_the_reasoning() -> None:
    assert split_reasoning("<think>a</thinking>b</think>c") == SplitText("c", "a</thinking>b")


def test_a_lone_closing_tag_behind_text_stays_where_reasoning_came_apart() -> None:
    assert split_reasoning("a </think> b", parted=True) == SplitText("a </think> b")


def test_a_lone_closing_tag_before_the_answer_goes_where_reasoning_came_apart() -> None:
    assert split_reasoning("\n</think>\n\nb", parted=True) == SplitText("b")


HARMONY = (
    "<|channel|>analysis<|message|>hm\n{inner}<|end|>{start}<|channel|>final<|message|>{answer}"
)


@pytest.mark.parametrize("start", ["<|start|>assistant", "", "\n<|start|>assistant"])
@pytest.mark.parametrize("ending", ["", "<|return|>", "<|end|>\n"])
def test_the_channels_of_gpt_oss_are_told_apart(start: str, ending: str) -> None:
    text = HARMONY.format(inner="more", start=start, answer=ANSWER + ending)
    assert split_reasoning(text) == SplitText(ANSWER, "hm\nmore")
    assert split_reasoning(f"<|start|>assistant{text}") == SplitText(ANSWER, "hm\nmore")


def test_a_code_block_left_open_in_a_channel_does_not_hide_its_end() -> None:
    text = HARMONY.format(inner="```\nx = 1\n", start="", answer="```\ny = 2\n```")
    assert split_reasoning(text).answer == "```\ny = 2\n```"


def test_a_commentary_between_the_channels_is_reasoning() -> None:
    inner = "<|end|><|start|>assistant<|channel|>commentary<|message|>so"
    split = split_reasoning(HARMONY.format(inner=inner, start="", answer="a"))
    assert split == SplitText("a", f"hm\n{inner}")


def test_a_channel_left_open_leaves_no_answer() -> None:
    text = "<|channel|>analysis<|message|>hm"
    assert split_reasoning(text) == SplitText("", "hm")
    assert split_reasoning(f"{text}<|end|>").answer == ""
    assert split_reasoning(f"{text}<|end|><|start|>assistant").answer == ""


def test_an_answer_without_a_header_follows_the_end_of_the_thought() -> None:
    text = f"<|channel|>analysis<|message|>hm<|end|>{ANSWER}"
    assert split_reasoning(text) == SplitText(ANSWER, "hm")


def test_a_final_channel_alone_is_the_answer() -> None:
    text = f"<|start|>assistant<|channel|>final<|message|>{ANSWER}<|return|>"
    assert split_reasoning(text) == SplitText(ANSWER)


def test_the_channels_are_told_apart_without_their_special_tokens() -> None:
    text = f"analysisWe need code.assistantfinal{ANSWER}"
    assert split_reasoning(text) == SplitText(ANSWER, "We need code.")


@pytest.mark.parametrize("text", ["analysis of it", "analysis", "analysis.py holds it"])
def test_a_text_that_begins_with_the_word_analysis_is_an_answer(text: str) -> None:
    assert split_reasoning(text) == SplitText(text)


def test_thoughts_that_are_blank_are_not_joined() -> None:
    assert join_thoughts(" a\n", None, " ", "b") == "a\n\nb"
    assert join_thoughts(None, "\n") is None


@pytest.mark.parametrize(
    "piece",
    ["<think></think>", "<think>\n```\n</think>\n", "<", "< ", "```\n", "<|end|> ", "analysis"],
)
def test_a_megabyte_takes_no_more_than_in_proportion(piece: str) -> None:
    def seconds(size: int) -> float:
        text = f"<think>{piece * (size // len(piece))}"
        start = time.process_time()
        split_reasoning(text)
        return time.process_time() - start

    # Ten times the text: 10 where the time is linear, 100 where it is quadratic.
    assert seconds(1_000_000) < 30 * seconds(100_000) + 0.5
