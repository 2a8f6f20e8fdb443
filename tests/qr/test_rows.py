"""Which test holds which row: attacks on codes, and what a verifier must refuse.

A test that is named here must be there, and one of an attack must name its row: in its name, in its
docstring or at the head of its file.
"""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
ATTACKS = {
    "Q-001": (
        "qr/test_presence.py::test_q001_it_passes_once",
        "qr/test_presence.py::test_q001_it_passes_for_its_audience_only",
        "qr/test_presence.py::test_q001_it_dies_within_a_minute",
        "cli/test_qr_presence.py::test_q001_a_code_passes_once_also_in_another_process",
        "cli/test_qr_presence.py::test_q001_it_dies_with_its_minute_and_answers_one_question",
    ),
    "Q-002": (
        "qr/test_catalogue.py::test_q002_the_place_that_is_shown_is_the_place_that_is_signed",
        "qr/test_catalogue.py::test_q002_place_and_purpose_that_are_shown_are_signed",
        "qr/test_catalogue.py::test_q002_no_name_of_a_place_looks_like_another",
        "cli/test_qr_presence.py::test_q002_who_asks_is_said_and_signed",
        "cli/test_qr_presence.py::test_q002_place_and_purpose_are_said_and_signed",
        "cli/test_qr_presence.py::test_q002_at_a_terminal_the_person_must_agree",
    ),
    "Q-004": ("qr/test_credential.py::test_q004_whoever_shows_it_is_its_bearer_only",),
    "Q-008": (
        "qr/test_issuers.py::test_q008_a_key_speaks_for_its_own_issuer_only",
        "qr/test_credential.py::test_q008_another_issuers_name_under_our_key",
        "qr/test_presence.py::test_q008_issuer_and_key",
    ),
    "Q-009": ("qr/test_credential.py::test_q009_one_canonical_text",),
    "Q-010": ("qr/test_printed.py::test_q010_what_is_no_card_code_is_refused_without_telling_it",),
    "Q-012": (
        "qr/test_scan.py::test_q012_huge_pictures_are_refused_before_decoding",
        "qr/test_render.py::test_q012_what_does_not_fit_is_a_typed_error",
        "qr/test_zxing.py::test_an_eci_changes_no_byte",
        "qr/test_zxing.py::test_nul_bytes_stay",
        "qr/test_zxing.py::test_an_inverted_code_is_read",
        "qr/test_zxing.py::test_a_part_of_a_structured_append_sequence_verifies_as_nothing",
        "qr/test_zxing.py::test_the_largest_symbol_is_read_and_refused_for_print",
    ),
    "Q-013": (
        "qr/test_catalogue.py::test_q013_no_code_of_ours_is_a_link",
        "qr/test_catalogue.py::test_q013_addresses_in_codes_are_https_and_their_issuers",
    ),
    "Q-014": (
        "qr/test_catalogue.py::test_q014_a_swapped_poster_gets_no_answer_that_counts_elsewhere",
        "qr/test_catalogue.py::test_q014_a_static_question_serves_once",
        "cli/test_qr_presence.py::test_q014_a_place_that_is_not_registered_gets_no_answer",
        "cli/test_qr_presence.py::test_q014_a_poster_with_one_question_serves_one_person",
    ),
    "Q-018": ("qr/test_catalogue.py::test_q018_no_address_waits_for_a_scanned_code",),
}
CREDENTIAL = "qr/test_credential.py::test_matrix_"
STRICTNESS = {
    "alg only in the unprotected header": f"{CREDENTIAL}algorithm_only_unprotected",
    "no alg at all": f"{CREDENTIAL}no_algorithm",
    "unknown label in crit": f"{CREDENTIAL}unknown_critical_header",
    "trailing bytes after the COSE object": f"{CREDENTIAL}trailing_bytes_after_the_message",
    "trailing bytes after the claims": f"{CREDENTIAL}trailing_bytes_after_the_payload",
    "duplicate map keys": f"{CREDENTIAL}duplicate_keys",
    "no exp": f"{CREDENTIAL}no_expiry",
    "iat in the future": f"{CREDENTIAL}issued_in_the_future",
    "trailing bytes after the zlib stream": f"{CREDENTIAL}trailing_bytes_after_the_zlib_stream",
    "zip bomb": f"{CREDENTIAL}zip_bomb",
    "tag 61 outside tag 18": f"{CREDENTIAL}tag_61_outside_tag_18_is_accepted",
    "keys True and 1 in one map": f"{CREDENTIAL}keys_true_and_one",
    "kid not known": f"{CREDENTIAL}unknown_kid",
    "kids that differ": f"{CREDENTIAL}kids_that_differ",
    "expired, not yet valid": f"{CREDENTIAL}expired_and_not_yet_valid",
    "signature of no or a wrong length": f"{CREDENTIAL}signature_of_no_or_wrong_length",
    "base45 of another form": "qr/test_base45.py::test_refuses",
    "alg of another key": "qr/test_cose.py::test_the_algorithm_comes_from_the_key",
    "other curves": "qr/test_cose.py::test_other_curves_are_no_keys",
    "other tags": "qr/test_cbor.py::test_tags_pass_only_when_named",
    "depth": "qr/test_cbor.py::test_depth_is_bounded",
    "indefinite lengths, long forms, floats, UTF-8": "qr/test_cbor.py::test_refuses",
}


@lru_cache
def functions(path: Path) -> tuple[str, dict[str, str]]:
    """The head of a test file, and the text of each test in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tests = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = {node.name: ast.unparse(node) for node in tests if node.name.startswith("test_")}
    return ast.get_docstring(tree) or "", found


@pytest.mark.parametrize("row", ATTACKS)
def test_every_attack_has_a_test_that_names_it(row):
    for place in ATTACKS[row]:
        name, _, test = place.partition("::")
        head, tests = functions(TESTS / name)
        assert test in tests, place
        assert f"_{row.lower().replace('-', '')}_" in test or row in head + tests[test], place


@pytest.mark.parametrize("row", STRICTNESS)
def test_every_row_of_the_strictness_matrix_has_a_test(row):
    name, _, test = STRICTNESS[row].partition("::")
    assert test in functions(TESTS / name)[1]


def test_every_test_of_a_row_is_listed():
    listed = {place.partition("::")[2] for places in ATTACKS.values() for place in places}
    for path in [*sorted(TESTS.glob("qr/test_*.py")), *sorted(TESTS.glob("cli/test_qr_*.py"))]:
        named = {test for test in functions(path)[1] if re.match(r"test_q\d{3}_", test)}
        assert named <= listed, path.name
        matrix = {
            f"qr/{path.name}::{test}"
            for test in functions(path)[1]
            if test.startswith("test_matrix_")
        }
        assert matrix <= set(STRICTNESS.values()), path.name
