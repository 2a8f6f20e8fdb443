"""Which test holds which row of the catalogue of chip attacks, checked against the tests.

A row that concerns the wire, the process or the clock has its test in this folder. A test named
here must be there and must name its row, in its name, its docstring, its parameters or at the
head of its file.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TESTS = HERE.parent
CATALOGUE: dict[str, tuple[str, ...]] = {
    "C-003": (
        "test_bad_cards.py::test_c_003_naked_status_words",
        "test_bad_cards.py::test_c_003_protected_status_words",
    ),
    "C-004": (
        "test_bad_cards.py::test_c_004_slow_answers",
        "test_bad_cards.py::test_c_004_get_response_without_end",
        "test_wire_rows.py::test_c_004_a_read_can_be_cancelled_before_every_command",
        "test_wire_rows.py::test_c_004_every_command_has_only_what_is_left",
        "test_wire_rows.py::test_c_004_the_last_answer_is_too_late_too",
        "test_wire_rows.py::test_c_004_bytes_that_dribble_in",
    ),
    "C-007": (
        "test_bad_cards.py::test_c_007_more_than_was_asked_for",
        "test_wire_rows.py::test_c_007_fewer_bytes_than_asked_for",
        "test_wire_rows.py::test_c_007_no_more_bytes_at_all",
    ),
    "C-008": (
        "test_bad_cards.py::test_c_008_beyond_32_kb",
        "test_bad_cards.py::test_c_008_wrong_frames",
    ),
    "C-010": (
        "test_readers_and_forks.py::test_c_010_two_readers_and_two_people",
        "test_readers_and_forks.py::test_c_010_a_name_that_is_not_there",
        "../pcsc/test_monitor.py::test_c_010_the_service_is_killed_and_restarted",
    ),
    "C-012": ("test_bad_cards.py::test_c_012_cards_in_parallel_share_nothing",),
    "C-013": ("test_readers_and_forks.py::test_c_013_a_fork_after_connecting",),
    "C-014": ("test_pace_answers.py::test_c_014_a_nonce_of_another_length",),
    "C-015": (
        "test_pace_answers.py::test_c_015_keys_that_are_no_points_of_the_group",
        "test_pace_answers.py::test_c_015_the_terminals_own_key",
        "test_pace_rows.py::test_pace_ends_where_the_chip_lies",
    ),
    "C-019": (
        "test_pace_answers.py::test_c_019_tokens_that_confirm_nothing",
        "test_pace_answers.py::test_c_019_the_terminals_own_token",
    ),
    "C-020": (
        "test_pace_answers.py::test_c_020_tags_of_another_kind",
        "test_pace_answers.py::test_c_020_objects_that_are_not_the_one_expected",
        "test_pace_answers.py::test_c_020_the_answer_of_another_step",
    ),
    "C-021": (
        "test_pace_answers.py::test_c_021_the_chain_is_marked_as_one",
        "test_pace_answers.py::test_c_021_a_status_word_that_changes_the_order",
        "test_pace_answers.py::test_c_021_a_right_answer_under_a_wrong_status",
        "test_pace_answers.py::test_c_021_a_chip_holds_the_terminal_to_the_order",
    ),
    "C-023": (
        "test_pace_answers.py::test_c_023_chip_data_beside_generic_mapping",
        "test_pace_answers.py::test_c_023_chip_data_before_the_token",
    ),
    "C-025": (
        "test_access_rows.py::test_c_025_a_wrong_can_is_tried_once",
        "test_access_rows.py::test_c_025_the_chips_count_is_passed_on",
        "test_access_rows.py::test_c_025_a_chip_that_counts_its_can_keeps_its_last_try",
    ),
    "C-026": (
        "test_access_rows.py::test_c_026_a_broken_pace_is_no_way_to_bac",
        "test_access_rows.py::"
        "test_c_026_asked_for_it_is_recorded_and_held_against_the_signed_file",
    ),
    "C-027": ("test_catalogue_signed_data.py::test_c_027_card_access_differs_from_dg14",),
    "C-028": ("test_pace_rows.py::test_c_028_the_strongest_offer",),
    "C-029": (
        "test_access_rows.py::test_c_029_a_chip_that_does_not_know_the_key",
        "test_access_rows.py::test_c_029_a_challenge_that_is_changed_on_the_way",
    ),
    "C-031": (
        "test_access_rows.py::test_c_031_nothing_that_was_sent_is_ever_sent_again",
        "test_access_rows.py::test_c_031_who_listens_learns_not_what_was_wrong",
    ),
    "C-032": (
        "test_pace_rows.py::test_c_032_a_protected_answer_that_is_not_authentic",
        "test_wire_rows.py::test_c_032_answers_that_somebody_without_the_keys_has_changed",
    ),
    "C-036": ("test_session_rows.py::test_c_036_a_session_ends_before_its_counter_starts_over",),
    "C-037": (
        "test_session_rows.py::test_c_037_the_old_keys_are_gone_once_the_new_ones_are_there",
        "test_session_rows.py::test_c_037_a_chip_that_stays_in_the_old_session",
    ),
    "C-038": ("test_session_rows.py::test_c_038_every_session_has_its_own_ephemeral_key",),
    "C-040": (
        "test_session_rows.py::test_c_040_one_two_or_three_keys",
        "test_session_rows.py::test_c_040_ids_that_do_not_fit",
        "test_session_rows.py::test_c_040_the_chip_does_not_know_the_id",
    ),
    "C-041": (
        "test_session_rows.py::test_c_041_3des_beside_aes",
        "test_session_rows.py::test_c_041_a_chip_that_refuses_aes_is_not_asked_for_3des",
    ),
    "C-042": (
        "test_catalogue_signed_data.py::test_c_042_a_challenge_of_another_length",
        "test_catalogue_signed_data.py::test_c_042_chosen_by_the_caller",
    ),
    "C-043": (
        "test_session_rows.py::test_c_043_the_chip_signs_no_bytes_of_anybodys_choice",
        "test_session_rows.py::test_c_043_every_part_is_bound_and_none_runs_into_the_next",
        "test_session_rows.py::"
        "test_c_043_an_answer_that_was_relayed_is_possession_of_a_card_and_no_more",
        "test_session_rows.py::test_c_043_another_transactions_answer",
        "test_session_rows.py::test_c_043_the_reader_makes_no_challenge_up",
    ),
    "C-054": (
        "test_clock_rows.py::test_c_054_a_readers_clock_decides_nothing",
        "test_clock_rows.py::test_c_054_a_clock_that_is_behind_is_in_doubt",
        "test_clock_rows.py::test_c_054_a_clock_that_is_ahead_refuses_and_says_what_it_shows",
        "test_clock_rows.py::test_c_054_the_wall_clock_jumps_in_mid_read",
    ),
    "C-065": (
        "test_wire_rows.py::test_c_065_what_opens_a_chip_is_not_written_down",
        "test_wire_traces.py::test_tracebacks_with_locals_show_no_secret",
        "test_nothing_shown.py::test_no_value_shows_the_holder",
    ),
    "C-068": (
        "test_access_rows.py::test_c_068_pace_is_preferred_also_with_the_mrz",
        "test_access_rows.py::test_c_068_bac_is_reported_as_the_weaker_way",
    ),
    "C-070": (
        "test_wire_rows.py::test_c_070_files_that_nest_or_never_end",
        "test_wire_rows.py::test_c_070_a_file_that_says_it_is_huge",
        "test_bad_cards.py::test_c_070_announced_without_end",
    ),
}
"""Rows about the wire, the process and the clock."""

SIGNED_DATA: dict[str, tuple[str, ...]] = {
    "C-045": (
        "test_catalogue_signed_data.py::test_c_045_a_card_that_cannot_prove_to_be_the_original",
    ),
    "C-046": ("test_catalogue_signed_data.py::test_c_046_typed_or_printed_data_differ",),
    "C-048": ("test_catalogue_signed_data.py::test_c_048_bytes_behind_a_file",),
    "C-050": (
        "../chip/test_verify_forged_cards.py::test_the_required_verdict_for_a_fitting_reason",
    ),
    "C-053": ("../trust/test_pkits.py::test_end",),
    "C-056": ("test_catalogue_signed_data.py::test_c_056_two_digit_years",),
    "C-057": ("test_catalogue_signed_data.py::test_c_057_roll_over_in_any_order_and_depth",),
    "C-058": ("test_catalogue_signed_data.py::test_c_058_a_store_never_fails_open",),
    "C-061": ("../chip/picture/test_picture.py::test_bombs_and_noise",),
    "C-062": ("../chip/lds/test_details.py::test_c_062_texts_are_data",),
    "C-064": ("test_catalogue_signed_data.py::test_c_064_number_against_birth_and_sex",),
}
"""Rows about what is signed, wherever it is judged."""

ROW = re.compile(r"\bC[-_](\d{3})\b", re.IGNORECASE)


def _functions(path: Path) -> tuple[str, dict[str, str]]:
    """The head of a test file, and the source of each test with what decorates it."""
    text = path.read_text(encoding="utf-8")
    tree, lines = ast.parse(text), text.splitlines()
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            first = min([node.lineno, *(mark.lineno for mark in node.decorator_list)])
            found[node.name] = "\n".join(lines[first - 1 : node.end_lineno])
    return ast.get_docstring(tree) or "", found


@pytest.mark.parametrize("row", [*CATALOGUE, *SIGNED_DATA])
def test_every_row_has_a_test_that_names_it(row: str) -> None:
    for place in (CATALOGUE | SIGNED_DATA)[row]:
        name, _, test = place.partition("::")
        head, tests = _functions(HERE / name)
        assert test in tests, place
        in_name = f"_{row.lower().replace('-', '_')}_"
        assert in_name in test or row in head + tests[test], place


@pytest.mark.parametrize("row", CATALOGUE)
def test_rows_of_the_wire_the_process_and_the_clock_are_held_here(row: str) -> None:
    assert any((HERE / place.partition("::")[0]).parent == HERE for place in CATALOGUE[row])


def test_no_test_names_a_row_that_is_not_listed() -> None:
    for path in sorted(HERE.glob("test_*.py")):
        head, tests = _functions(path)
        text = head + "".join(tests.values())
        rows = {f"C-{number}" for number in ROW.findall(text)}
        assert rows <= CATALOGUE.keys() | SIGNED_DATA.keys(), path.name
