"""Which test holds which row of the catalogue about levels, data and faults of data.

A test named here must be there and must name its row, in its name or in its docstring. Rows about
the provider as a process (memory, drain) belong to the provider's own tests.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
CATALOGUE: dict[str, tuple[str, ...]] = {
    "L-001": (
        "levels/test_assess.py::test_l001_a_chip_never_raises_an_account",
        "levels/test_assess.py::test_l001_unproven_card_is_no_factor",
        "levels/factors/test_card.py::test_l001_anything_less_is_not",
        "levels/test_proofing.py::test_l001_in_presence_too_the_chip_must_have_answered",
        "levels/test_proofing.py::test_l001_l002_neither_chip_nor_channel_alone",
        "levels/test_proofing.py::"
        "test_l001_a_remote_confirmation_stands_in_for_an_anchor_not_for_the_chip",
    ),
    "L-002": (
        "levels/test_account.py::test_l002_level_2_needs_a_holder_match",
        "levels/test_proofing.py::test_l002_nobody_comes_to_level_2_without_other_eyes",
    ),
    "L-003": (
        "hostile/test_data_rows.py::test_l003_without_a_valid_card_the_level_falls",
        "hostile/test_data_rows.py::test_l003_a_replaced_card_is_linked_by_the_persons_number",
        "levels/test_assess.py::test_l003_no_level_after_the_last_day_of_the_card",
    ),
    "L-005": (
        "levels/test_assess.py::test_l005_never_level_2_under_six",
        "levels/test_proofing.py::test_l005_who_may_have_which_level",
        "levels/test_proofing.py::test_l005_who_may_act_for_a_ward",
        "levels/test_law.py::test_l005_69_2024_article_7_never_level_2_under_six",
    ),
    "L-006": ("levels/test_proofing.py::test_l006_the_chip_wins_and_the_difference_is_shown",),
    "L-009": ("hostile/test_data_rows.py::test_l009_a_verdict_from_outside_is_no_evidence",),
    "L-012": ("levels/test_assess.py::test_l012_factors_age",),
    "L-014": (
        "levels/test_law.py::test_l014_levels_that_there_are_not",
        "levels/test_past.py::test_l014_malformed_records",
    ),
    "L-015": (
        "levels/factors/test_ports.py::test_l015_a_face_result_that_does_not",
        "levels/factors/test_ports.py::test_l015_forged_and_not_matching",
        "levels/test_payments.py::test_l015_what_was_shown",
    ),
    "L-016": (
        "hostile/test_data_rows.py::test_l016_an_account_without_a_card_is_marked_by_its_source",
    ),
    "L-017": ("levels/test_assess.py::test_l017_another_persons_card",),
    "D-001": (
        "store/test_subject.py::test_d001_given_and_withdrawn_with_a_receipt",
        "oidc/test_my_account.py::"
        "test_a_withdrawn_consent_ends_tokens_sessions_and_what_was_remembered",
    ),
    "D-003": (
        "store/test_subject.py::test_d003_access_is_ones_own_and_machine_readable",
        "store/test_planted_people.py::test_d003_d004_nobody_in_clear_and_after_erasure_nobody",
    ),
    "D-004": (
        "store/test_subject.py::test_d004_nothing_is_older_than_its_limit",
        "store/test_audit_reading.py::test_d004_old_rows_go_in_whole_blocks_and_the_rest_verifies",
    ),
    "D-006": ("hostile/test_data_rows.py::test_d006_two_sectors_cannot_join_what_they_know",),
    "D-007": ("hostile/test_data_rows.py::test_d007_f010_nothing_leaves_on_import_or_in_use",),
    "D-008": ("store/test_audit_reading.py::test_d008_killed_half_way_the_next_run_goes_on",),
    "F-002": ("store/test_database.py::test_f002_unsafe_sqlite_is_refused",),
    "F-004": (
        "store/test_database.py::test_f004_other_schemas_are_refused",
        "store/test_versions.py::test_f004_an_upgrade_killed_half_way_is_done_again",
    ),
    "F-006": ("faults/test_database_faults.py::test_o066_open_file_limit",),
    "F-008": (
        "store/test_database.py::test_f008_another_process_gets_a_new_pool",
        "store/test_audit.py::test_f008_child_of_a_fork_uses_its_own_connections",
        "keys/test_pkcs11.py::test_f008_a_forked_child_has_a_session_of_its_own",
    ),
    "F-009": ("faults/test_stop.py::test_f009_what_was_answered_is_on_record",),
    "F-010": ("hostile/test_data_rows.py::test_d007_f010_nothing_leaves_on_import_or_in_use",),
    "F-011": ("hostile/test_data_rows.py::test_f011_time_zone_and_locale_change_nothing",),
    "F-014": ("levels/test_username.py::test_f014_look_alikes_and_controls_are_refused",),
    "F-016": ("hostile/test_data_rows.py::test_f016_verdicts_rest_on_our_own_reading_of_der",),
}
FOLDERS = ("levels", "store", "hostile", "faults", "keys")
ROW = re.compile(r"(?:\b|_)([ldf])[-_]?(\d{3})(?=_|\b)", re.IGNORECASE)


def _tests(path: Path) -> dict[str, str]:
    """Each test's name, and its docstring."""
    return {
        node.name: ast.get_docstring(node) or ""
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def _rows(text: str) -> set[str]:
    return {f"{letter.upper()}-{number}" for letter, number in ROW.findall(text)}


@pytest.mark.parametrize("row", CATALOGUE)
def test_every_row_has_a_test_that_names_it(row: str) -> None:
    for place in CATALOGUE[row]:
        name, _, test = place.partition("::")
        tests = _tests(TESTS / name)
        assert test in tests, place
        assert row in _rows(test) | _rows(tests[test]), place


def test_every_test_that_names_a_row_is_about_a_listed_one() -> None:
    named = set()
    for path in sorted(path for folder in FOLDERS for path in (TESTS / folder).rglob("test_*.py")):
        for name in _tests(path):
            named |= _rows(name)
    assert named == CATALOGUE.keys() & named
    assert {row for row in CATALOGUE if row not in named} <= {"F-006"}  # by its docstring
