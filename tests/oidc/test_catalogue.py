"""Which tests hold the catalogue's rows about providers (O-) and servers (F-): none is forgotten.

Rows about chips, codes and levels have maps of their own. A row of something that is not offered
has a test that it is not there.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PROVIDER = "hostile/test_provider_rows.py"
FAULTS = "faults/test_endpoint_faults.py"
DATABASE = "faults/test_database_faults.py"
JWT, JWE, JWK, TOKEN = (
    "keys/test_jwt.py",
    "keys/test_jwe.py",
    "keys/test_jwk.py",
    "keys/test_pkcs11.py",
)
BASIC, FAPI, LOGOUT = (f"conformance/test_{name}.py" for name in ("basic", "fapi2", "logout"))

CATALOGUE: dict[str, tuple[str, ...]] = {
    "O-001": (
        "oidc/test_token.py::of_fifty_at_once_one_succeeds_and_the_family_dies",
        "oidc/test_processes.py::a_code_has_one_winner_whose_tokens_die",
    ),
    "O-003": ("oidc/test_token.py::a_code_with_the_wrong_proof_is_refused_and_used_up",),
    "O-004": (
        "oidc/test_token.py::no_downgrade_to_plain",
        "oidc/test_values.py::verifiers_that_never_match",
    ),
    "O-006": (
        "oidc/test_upstream.py::an_answer_from_elsewhere",
        "oidc/test_token.py::a_code_with_the_wrong_proof_is_refused_and_used_up",
    ),
    "O-007": (
        "oidc/test_authorize.py::a_refusal_goes_to_the_registered_address_with_iss",
        "oidc/test_upstream.py::an_answer_from_elsewhere",
    ),
    "O-010": (
        "oidc/test_authorize.py::an_unregistered_redirect_uri_is_never_followed",
        "oidc/test_authorize.py::nothing_that_is_sent_breaks_the_endpoint_or_leaves_to_elsewhere",
    ),
    "O-011": (
        f"{LOGOUT}::bad_post_logout_redirect_uri_and_query_added",
        f"{LOGOUT}::modified_id_token_hint",
        f"{LOGOUT}::bad_id_token_hint",
        f"{LOGOUT}::no_id_token_hint",
        f"{LOGOUT}::a_hint_of_another_client_is_refused",
    ),
    "O-012": (
        f"{LOGOUT}::o012_a_hostile_page_cannot_log_anybody_out",
        "oidc/test_outbound.py::o012_nothing_private",
    ),
    "O-014": (
        f"{FAPI}::ensure_request_object_is_judged",
        f"{FAPI}::ensure_request_object_signature_algorithm_is_not_none",
        f"{FAPI}::ensure_request_object_with_wrong_key_or_rs256_fails",
        f"{FAPI}::the_signed_values_win",
    ),
    "O-015": (
        f"{FAPI}::par_attempt_to_use_request_uri_for_different_client",
        f"{FAPI}::par_attempt_reuse_request_uri",
        f"{FAPI}::par_attempt_to_use_expired_request_uri",
        f"{FAPI}::par_request_uris_are_not_guessable",
    ),
    "O-016": (f"{JWT}::o016_public_key_as_hmac_secret",),
    "O-017": (
        f"{JWT}::o017_none_and_other_algorithms",
        f"{JWT}::o017_empty_signature",
    ),
    "O-018": (f"{JWT}::o018_o021_extensions_are_refused",),
    "O-021": (f"{JWT}::o021_huge_discarded_payload_is_refused_early",),
    "O-022": (
        f"{JWE}::o022_zip_bomb_is_refused_by_its_header",
        f"{JWE}::o022_other_algorithm_names",
        f"{JWE}::o022_other_suites",
    ),
    "O-023": (f"{JWT}::o023_oversized_segments_cost_nothing",),
    "O-025": (f"{JWT}::o025_half_hashes_fail_closed",),
    "O-026": (
        f"{JWT}::o026_issuer_is_exact",
        f"{JWT}::o026_audience_is_exact",
        f"{JWT}::o026_authorized_party",
    ),
    "O-029": (f"{JWT}::o029_times", f"{JWT}::o029_malformed_times"),
    "O-030": (f"{JWK}::wycheproof_raw_signatures",),
    "O-031": (f"{JWK}::weak_rsa_is_refused_at_load",),
    "O-033": (
        "store/test_clients.py::o033_secrets_are_hashed",
        "oidc/test_web.py::no_secret_reaches_the_log",
    ),
    "O-034": (
        f"{FAPI}::o034_an_assertion_counts_once",
        f"{FAPI}::ensure_client_assertion_is_judged",
        f"{FAPI}::par_test_audience_fails",
    ),
    "O-035": (
        "oidc/test_introspection.py::o035_public_clients_may_not_ask",
        "oidc/test_token.py::wrong_client_authentication",
    ),
    "O-036": (
        "oidc/test_refresh.py::rotation_and_its_end",
        "oidc/test_refresh.py::eight_at_once_have_one_successor",
        "oidc/test_refresh.py::another_client_kills_the_family",
        "oidc/test_refresh.py::scopes_narrow_and_never_widen",
        "oidc/test_refresh.py::a_changed_account_kills_the_family",
        "oidc/test_refresh.py::a_model_of_families",
        "oidc/test_processes.py::a_late_replay_kills_everything",
    ),
    "O-037": (
        f"{FAPI}::o037_a_proof_counts_once",
        f"{FAPI}::dpop_negative_tests",
        f"{FAPI}::o037_nonces_let_wrong_clocks_in",
        f"{FAPI}::o037_forged_nonces",
        f"{FAPI}::o037_a_token_needs_its_own_proof",
    ),
    "O-038": (f"{PROVIDER}::o_038_an_injected_certificate_is_nobody",),
    "O-039": ("oidc/test_userinfo.py::a_token_in_the_query_or_body_is_refused",),
    "O-040": ("oidc/test_introspection.py::o040_to_everybody_else_it_is_inactive",),
    "O-041": (f"{PROVIDER}::o_041_o_078_no_token_lies_in_the_database",),
    "O-042": (
        "oidc/test_flow.py::the_cookie_changes_with_every_factor",
        "oidc/test_sign_on.py::o042_a_new_login_changes_the_cookie",
        "oidc/test_interaction.py::a_login_cannot_be_fixed_on_somebody",
        "oidc/test_web.py::the_cookie_is_bound_to_the_host",
    ),
    "O-043": ("oidc/test_web.py::every_answer_is_guarded",),
    "O-044": (f"{PROVIDER}::o_044_a_password_is_never_posted_on",),
    "O-045": ("oidc/test_web.py::forms_may_lead_to_issuer_agent_and_service_only",),
    "O-046": ("oidc/test_web.py::what_a_service_sends_is_escaped",),
    "O-047": ("oidc/test_web.py::a_forged_host_changes_nothing",),
    "O-048": ("oidc/test_cors.py::*",),
    "O-049": (f"{PROVIDER}::o_049_o_050_o_054_o_055_what_is_not_offered_is_not_there",),
    "O-050": (f"{PROVIDER}::o_049_o_050_o_054_o_055_what_is_not_offered_is_not_there",),
    "O-051": (
        f"{PROVIDER}::o_051_one_person_two_sectors_two_names",
        "oidc/test_flow.py::the_sub_differs_between_legal_entities_and_stays_within_one",
    ),
    "O-053": (
        "store/test_accounts.py::o053_guessing_is_slowed_per_account",
        "store/test_accounts.py::o053_guessing_is_slowed_per_address",
        "store/test_devices.py::o053_a_stranger_does_not_lock_a_person_out_of_his_own_browser",
    ),
    "O-054": (f"{PROVIDER}::o_049_o_050_o_054_o_055_what_is_not_offered_is_not_there",),
    "O-055": (f"{PROVIDER}::o_049_o_050_o_054_o_055_what_is_not_offered_is_not_there",),
    "O-058": (
        "oidc/test_sign_on.py::two_people_on_one_machine",
        "oidc/test_card_login.py::another_persons_card_after_the_password",
    ),
    "O-059": ("oidc/test_sign_on.py::o059_a_consent_covers_only_what_was_shown",),
    "O-061": (
        f"{PROVIDER}::o_061_only_public_members_are_published",
        "cli/test_keys.py::a_rotation_waits_until_the_key_was_published_long_enough",
    ),
    "O-062": (
        "cli/test_keys.py::o062_a_compromised_key_goes_at_once",
        "cli/test_keys.py::o062_a_running_provider_sees_it_within_twenty_seconds",
    ),
    "O-063": ("oidc/test_upstream.py::a_provider_that_is_away",),
    "O-066": (
        f"{FAULTS}::o066_the_database_fails_before_any_statement",
        f"{FAULTS}::o066_the_answer_to_a_commit_is_lost",
        f"{DATABASE}::nobody_listens",
        f"{DATABASE}::full_disk_loses_nothing_and_recovers",
        "store/test_database.py::o066_locked_sqlite_is_unavailable_within_seconds_and_recovers",
    ),
    "O-068": (
        "oidc/test_processes.py::a_refresh_token_has_one_successor",
        "store/test_grants.py::o001_o068_processes_race_for_one_winner",
    ),
    "O-070": (f"{PROVIDER}::o_070_a_restart_in_the_middle_of_a_login",),
    "O-071": (
        f"{PROVIDER}::o_071_floods_are_refused_by_their_size",
        "app/test_gate.py::slow_bodies_hold_neither_other_requests_nor_more_than_their_share",
    ),
    "O-072": (f"{PROVIDER}::o_072_odd_texts_are_read_in_one_pass",),
    "O-073": (f"{PROVIDER}::o_073_f_014_names_are_values_and_exact",),
    "O-074": (
        "store/test_database.py::writes_roll_back_and_leave_no_transaction_open",
        f"{FAULTS}::o066_the_database_fails_before_any_statement",
    ),
    "O-075": ("store/test_audit.py::o075_names_from_outside_are_hashed_when_not_plain",),
    "O-078": (
        f"{PROVIDER}::o_041_o_078_no_token_lies_in_the_database",
        "store/test_accounts.py::o078_nothing_personal_is_stored_in_clear",
        "keys/test_folder.py::a_sealed_file_opens_with_its_own_key_only",
        f"{TOKEN}::o078_no_private_value_can_be_read_out",
    ),
    "O-079": (
        f"{TOKEN}::o079_a_wrong_pin_is_sent_once",
        f"{TOKEN}::o079_a_token_that_is_away_fails_closed_and_recovers",
    ),
    "O-081": (
        "store/test_versions.py::f004_an_upgrade_killed_half_way_is_done_again",
        "store/test_database.py::f004_other_schemas_are_refused",
    ),
    "F-002": ("store/test_database.py::f002_unsafe_sqlite_is_refused",),
    "F-004": ("store/test_database.py::f004_other_schemas_are_refused",),
    "F-005": (
        "app/test_gate.py::few_work_at_once",
        "app/test_listener.py::f005_who_says_nothing_more_is_let_go",
        "app/test_listener.py::f005_a_crowd_of_silent_connections_keeps_nobody_out",
    ),
    "F-006": (f"{DATABASE}::o066_open_file_limit",),
    "F-008": (
        "store/test_audit.py::f008_child_of_a_fork_uses_its_own_connections",
        f"{FAULTS}::a_process_killed_at_any_moment",
        f"{TOKEN}::f008_a_forked_child_has_a_session_of_its_own",
    ),
    "F-009": ("faults/test_stop.py::f009_what_was_answered_is_on_record",),
    "F-010": ("hostile/test_data_rows.py::d007_f010_nothing_leaves_on_import_or_in_use",),
    "F-011": ("hostile/test_data_rows.py::f011_time_zone_and_locale_change_nothing",),
    "F-014": (
        f"{PROVIDER}::o_073_f_014_names_are_values_and_exact",
        "levels/test_username.py::f014_look_alikes_and_controls_are_refused",
    ),
}


@cache
def _tests_of(name: str) -> frozenset[str]:
    tree = ast.parse((TESTS / name).read_text(encoding="utf-8"))
    found = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return frozenset(name for name in found if name.startswith("test_"))


@pytest.mark.parametrize("row", CATALOGUE)
def test_every_row_has_its_tests(row):
    for place in CATALOGUE[row]:
        name, _, test = place.partition("::")
        assert _tests_of(name)
        assert test == "*" or f"test_{test}" in _tests_of(name), place


def test_no_row_is_forgotten_between_the_first_and_the_last():
    """The catalogue's own gaps: rows about chips, codes and levels, and numbers not given out."""
    numbers = sorted(int(row[2:]) for row in CATALOGUE if row.startswith("O-"))
    absent = set(range(1, numbers[-1] + 1)) - set(numbers)
    assert absent == {
        2,
        5,
        8,
        9,
        13,
        19,
        20,
        24,
        27,
        28,
        32,
        52,
        56,
        57,
        60,
        64,
        65,
        67,
        69,
        76,
        77,
        80,
    }
