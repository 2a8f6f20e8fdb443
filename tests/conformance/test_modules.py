"""Which test holds which module of the OpenID Foundation's suite (5.2.4), plan by plan.

The names of the modules are the suite's. Modules of one country's market are left out. A module
that the suite skips or only warns about where something is not offered has a test all the same.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
BASIC, LOGOUT, FAPI = "test_basic.py", "test_logout.py", "test_fapi2.py"
FAPI_PREFIX = "fapi2-security-profile-final-"

CONFIG_PLAN = {
    "oidcc-discovery-endpoint-verification": (BASIC, "discovery_endpoint_verification"),
}
BASIC_PLAN = {
    "oidcc-server": "server",
    "oidcc-response-type-missing": "response_type_missing",
    "oidcc-idtoken-signature": "idtoken_signature",
    "oidcc-idtoken-unsigned": "idtoken_unsigned",
    "oidcc-userinfo-get": "userinfo_get",
    "oidcc-userinfo-post-header": "userinfo_post_header",
    "oidcc-userinfo-post-body": "userinfo_post_body",
    "oidcc-ensure-request-without-nonce-succeeds-for-code-flow": (
        "ensure_request_without_nonce_succeeds_for_code_flow"
    ),
    "oidcc-scope-profile": "scope",
    "oidcc-scope-email": "scope",
    "oidcc-scope-address": "scope",
    "oidcc-scope-phone": "scope",
    "oidcc-scope-all": "scope",
    "oidcc-alternate-happy-flow": "alternate_happy_flow",
    "oidcc-display-page": "display",
    "oidcc-display-popup": "display",
    "oidcc-prompt-login": "prompt_login",
    "oidcc-prompt-none-not-logged-in": "prompt_none_not_logged_in",
    "oidcc-prompt-none-logged-in": "prompt_none_logged_in",
    "oidcc-max-age-1": "max_age_1",
    "oidcc-max-age-10000": "max_age_10000",
    "oidcc-ensure-request-with-unknown-parameter-succeeds": (
        "ensure_request_with_unknown_parameter_succeeds"
    ),
    "oidcc-id-token-hint": "id_token_hint",
    "oidcc-login-hint": "login_hint_ui_locales_claims_locales",
    "oidcc-ui-locales": "login_hint_ui_locales_claims_locales",
    "oidcc-claims-locales": "login_hint_ui_locales_claims_locales",
    "oidcc-ensure-request-with-acr-values-succeeds": "ensure_request_with_acr_values_succeeds",
    "oidcc-codereuse": "codereuse",
    "oidcc-codereuse-30seconds": "codereuse",
    "oidcc-ensure-registered-redirect-uri": "ensure_registered_redirect_uri",
    "oidcc-ensure-post-request-succeeds": "ensure_post_request_succeeds",
    "oidcc-server-client-secret-post": "server_client_secret_post",
    "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported": (
        "request_uri_unsigned_supported_correctly_or_rejected_as_unsupported"
    ),
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": (
        "unsigned_request_object_supported_correctly_or_rejected_as_unsupported"
    ),
    "oidcc-claims-essential": "claims_essential",
    "oidcc-ensure-request-object-with-redirect-uri": "ensure_request_object_with_redirect_uri",
    "oidcc-refresh-token": "refresh_token",
    "oidcc-ensure-request-with-valid-pkce-succeeds": "ensure_request_with_valid_pkce_succeeds",
}
_RP = "oidcc-rp-initiated-logout"
LOGOUT_PLAN = {
    f"{_RP}-discovery-endpoint-verification": "discovery_endpoint_verification",
    _RP: "rp_initiated_logout",
    f"{_RP}-bad-post-logout-redirect-uri": "bad_post_logout_redirect_uri_and_query_added",
    f"{_RP}-query-added-to-post-logout-redirect-uri": (
        "bad_post_logout_redirect_uri_and_query_added"
    ),
    f"{_RP}-modified-id-token-hint": "modified_id_token_hint",
    f"{_RP}-bad-id-token-hint": "bad_id_token_hint",
    f"{_RP}-no-id-token-hint": "no_id_token_hint",
    f"{_RP}-no-params": "no_params_only_state",
    f"{_RP}-only-state": "no_params_only_state",
    f"{_RP}-no-post-logout-redirect-uri": "no_post_logout_redirect_uri",
    f"{_RP}-no-state": "no_state",
    "oidcc-backchannel-logout-discovery-endpoint-verification": (
        "backchannel_logout_discovery_endpoint_verification"
    ),
    "oidcc-backchannel-rp-initiated-logout": "backchannel_rp_initiated_logout",
}
_LONG = "ensure_authorization_request_with_long_nonce_and_state"
_WITHOUT = "ensure_authorization_request_without_state_or_nonce_success"
_DIFFERENT = "ensure_different_nonce_and_state_inside_and_outside_request_object"
FAPI_PLAN = {
    "discovery-end-point-verification": "discovery_end_point_verification",
    "happy-flow": "happy_flow",
    "user-rejects-authentication": "user_rejects_authentication",
    "ensure-authorization-request-without-state-success": _WITHOUT,
    "ensure-authorization-request-without-nonce-success": _WITHOUT,
    "ensure-authorization-request-with-64-char-nonce-success": _LONG,
    "ensure-authorization-request-with-long-nonce": _LONG,
    "ensure-authorization-request-with-long-state": _LONG,
    "ensure-other-scope-order-succeeds": "ensure_other_scope_order_succeeds",
    "test-claims-parameter-identity-claims": "claims_parameter_identity_claims",
    "access-token-type-header-case-sensitivity": "access_token_type_header_case_sensitivity",
    "check-dpop-proof-nbf-exp": "check_dpop_proof_nbf_exp",
    "ensure-dpopproof-with-iat-10seconds-before-succeeds": (
        "ensure_dpopproof_with_iat_10seconds_succeeds"
    ),
    "ensure-dpopproof-with-iat-10seconds-after-succeeds": (
        "ensure_dpopproof_with_iat_10seconds_succeeds"
    ),
    "ensure-mismatched-dpop-jkt-fails": "ensure_mismatched_dpop_jkt_fails",
    "ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt": (
        "ensure_token_endpoint_fails_with_mismatched_dpop_proof_jkt"
    ),
    "ensure-token-endpoint-fails-with-mismatched-dpop-jkt": (
        "ensure_token_endpoint_fails_with_mismatched_dpop_jkt"
    ),
    "ensure-dpopproof-at-par-endpoint-binding-success": (
        "ensure_dpopproof_at_par_endpoint_binding_success"
    ),
    "ensure-dpop-auth-code-binding-success": "ensure_dpop_auth_code_binding_success",
    "ensure-different-nonce-inside-and-outside-request-object": _DIFFERENT,
    "ensure-different-state-inside-and-outside-request-object": _DIFFERENT,
    "state-only-outside-request-object-not-used": "state_only_outside_request_object_not_used",
    "ensure-request-object-without-redirect-uri-fails": (
        "ensure_request_object_without_redirect_uri_fails"
    ),
    "ensure-redirect-uri-in-authorization-request": (
        "ensure_request_object_without_redirect_uri_fails"
    ),
    "ensure-registered-redirect-uri": "ensure_registered_redirect_uri",
    "plain-fapi-tolerate-unregistered-redirect-uri": "ensure_registered_redirect_uri",
    "ensure-unsigned-authorization-request-without-using-par-fails": (
        "ensure_unsigned_authorization_request_without_using_par_fails"
    ),
    "ensure-response-type-code-idtoken-fails": "ensure_response_type_fails",
    "ensure-response-type-token-fails": "ensure_response_type_fails",
    "ensure-client-id-in-token-endpoint": "ensure_client_id_in_token_endpoint",
    "ensure-holder-of-key-required": "ensure_holder_of_key_required",
    "ensure-authorization-code-is-bound-to-client": "ensure_authorization_code_is_bound_to_client",
    "attempt-reuse-authorization-code-after-one-second": (
        "attempt_reuse_authorization_code_after_one_second"
    ),
    "ensure-token-endpoint-fails-with-expired-auth-code": (
        "ensure_token_endpoint_fails_with_expired_auth_code"
    ),
    "ensure-signed-client-assertion-with-RS256-fails": (
        "ensure_signed_client_assertion_with_rs256_fails"
    ),
    "ensure-client-assertion-in-token-endpoint": "ensure_client_assertion_in_token_endpoint",
    "ensure-client-assertion-with-exp-is-5-minutes-in-past-fails": (
        "ensure_client_assertion_is_judged"
    ),
    "ensure-client-assertion-with-wrong-aud-fails": "ensure_client_assertion_is_judged",
    "ensure-client-assertion-with-no-sub-fails": "ensure_client_assertion_is_judged",
    "dpop-negative-tests": "dpop_negative_tests",
    "refresh-token": "refresh_token",
    "par-ensure-reused-request-uri-prior-to-auth-completion-succeeds": (
        "par_ensure_reused_request_uri_prior_to_auth_completion_succeeds"
    ),
    "par-attempt-reuse-request_uri": "par_attempt_reuse_request_uri",
    "par-attempt-to-use-expired-request_uri": "par_attempt_to_use_expired_request_uri",
    "par-ensure-jwt-client-assertions-nbf-8-seconds-in-the-future-is-accepted": (
        "par_ensure_jwt_client_assertions_nbf_in_the_future"
    ),
    "par-ensure-jwt-client-assertions-nbf-over-60-seconds-in-the-future-fails": (
        "par_ensure_jwt_client_assertions_nbf_in_the_future"
    ),
    "par-attempt-to-use-request_uri-for-different-client": (
        "par_attempt_to_use_request_uri_for_different_client"
    ),
    "par-authorization-request-containing-request_uri-form-param": (
        "par_authorization_request_containing_request_uri_form_param"
    ),
    "par-attempt-invalid-http-method": "par_attempt_invalid_http_method",
    "par-ensure-pkce-required": "par_ensure_pkce_required_and_plain_pkce_rejected",
    "par-plain-pkce-rejected": "par_ensure_pkce_required_and_plain_pkce_rejected",
    "ensure-pkce-code-verifier-required": (
        "ensure_pkce_code_verifier_required_and_incorrect_rejected"
    ),
    "incorrect-pkce-code-verifier-rejected": (
        "ensure_pkce_code_verifier_required_and_incorrect_rejected"
    ),
    "par-without-duplicate-parameters": "par_without_duplicate_parameters",
    "par-test-array-as-audience-fails": "par_test_audience_fails",
    "par-test-par-endpoint-url-as-audience-fails": "par_test_audience_fails",
    "par-test-token-endpoint-url-as-audience-fails": "par_test_audience_fails",
    "test-essential-acr-sca-claim": "test_essential_acr",
}
_JUDGED = "ensure_request_object_is_judged"
_WRONG_KEY = "ensure_request_object_with_wrong_key_or_rs256_fails"
SIGNING_PLAN = {
    "ensure-request-object-with-multiple-aud-succeeds": (
        "ensure_request_object_with_multiple_aud_succeeds"
    ),
    "ensure-request-object-without-exp-fails": _JUDGED,
    "ensure-request-object-without-nbf-fails": _JUDGED,
    "ensure-expired-request-object-fails": _JUDGED,
    "ensure-request-object-with-bad-aud-fails": _JUDGED,
    "ensure-request-object-with-exp-over-60-fails": _JUDGED,
    "ensure-request-object-with-nbf-over-60-fails": _JUDGED,
    "ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted": (
        "ensure_request_object_with_nbf_8_seconds_in_the_future_is_accepted"
    ),
    "ensure-signed-request-object-with-RS256-fails": _WRONG_KEY,
    "ensure-request-object-signature-algorithm-is-not-none": (
        "ensure_request_object_signature_algorithm_is_not_none"
    ),
    "ensure-request-object-with-invalid-signature-fails": _WRONG_KEY,
    "ensure-matching-key-in-authorization-request": _WRONG_KEY,
    "ensure-unsigned-request-at-par-endpoint-fails": (
        "ensure_unsigned_request_at_par_endpoint_fails"
    ),
    "par-authorization-request-containing-request_uri": _JUDGED,
}
MODULES: dict[str, tuple[str, str]] = {
    **CONFIG_PLAN,
    **{module: (BASIC, test) for module, test in BASIC_PLAN.items()},
    **{module: (LOGOUT, test) for module, test in LOGOUT_PLAN.items()},
    **{FAPI_PREFIX + module: (FAPI, test) for module, test in FAPI_PLAN.items()},
    **{f"message-signing: {module}": (FAPI, test) for module, test in SIGNING_PLAN.items()},
}


def _tests(name: str) -> dict[str, ast.FunctionDef]:
    tree = ast.parse((HERE / name).read_text(encoding="utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    return {node.name: node for node in found if node.name.startswith("test_")}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_test(module):
    name, test = MODULES[module]
    assert f"test_{test}" in _tests(name)


def test_the_basic_plan_runs_by_form_post_too():
    """oidcc-formpost-basic-certification-test-plan runs the same modules."""
    marks = [ast.unparse(mark) for mark in _tests(BASIC)["test_server"].decorator_list]
    source = (HERE / BASIC).read_text(encoding="utf-8")
    assert "form_post" in source
    assert marks == [] or any("mode" in mark or "parametrize" in mark for mark in marks)


def test_every_test_belongs_to_a_module_or_says_what_it_adds():
    """Tests beside the lists are rows of the catalogue or named below; nothing is forgotten."""
    named = {(name, f"test_{test}") for name, test in MODULES.values()}
    beside = {
        (name, test)
        for name in (BASIC, LOGOUT, FAPI)
        for test in _tests(name)
        if not test.startswith("test_o0")
    } - named
    assert {test for _, test in beside} == BESIDE


BESIDE = {
    "test_a_form_on_the_services_own_page_ends_the_session_too",
    "test_our_own_form_without_a_session_is_not_sent_round",
    "test_a_post_with_its_cookie_needs_no_second_step",
    "test_a_hint_of_an_older_session_asks_first",
    "test_a_hint_of_another_client_is_refused",
    "test_a_service_that_does_not_answer_is_recorded",
    "test_an_object_with_long_and_odd_values",
    "test_dpop_negative_tests_of_form",
    "test_dpop_proof_signed_by_another_key",
    "test_logging_out_twice_is_no_error",
    "test_par_request_uris_are_not_guessable",
    "test_the_basic_profile_takes_the_usual_audiences",
    "test_the_signed_values_win",
    "test_tokens_end_with_the_session_unless_offline",
}
