"""x509-limbo through the chain builder, with every deviation named and reasoned.

The cases are written for TLS; the builder is asked about the path alone, without the profile of a
Document Signer. A new deviation fails the test, and so does one that has vanished.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eid.errors import EidError
from eid.trust.certificates import parse_certificate
from eid.trust.folder import unwrap
from eid.trust.path import Moment, build_chain, revocation_state
from eid.trust.profile import check_contents
from eid.trust.store import TrustStore

FILE = Path(__file__).parents[1] / "vectors" / "x509_limbo" / "limbo.json"
CASES = json.loads(FILE.read_text("utf-8"))["testcases"]
ANY_TIME = datetime(2026, 6, 1, tzinfo=UTC)

DEVIATIONS = {
    "crl::crlnumber-missing": "lists are told apart by their dates; states leave the number out",
    "crl::crlnumber-critical": "a mark on a field that we do read changes nothing",
    "pathlen::intermediate-pathlen-too-long": "link certificates under a length of 0 are the rule",
    "rfc5280::aki::leaf-missing-aki": "the profile of a Document Signer asks for it, not the path",
    "rfc5280::aki::intermediate-missing-aki": "old link certificates lack it; the key must fit",
    "rfc5280::aki::cross-signed-root-missing-aki": "old link certificates lack it; the key must fit",
    "rfc5280::eku::ee-wrong-eku": "the profile of a Document Signer refuses every purpose",
    "rfc5280::eku::ee-eku-empty": "the profile of a Document Signer refuses every purpose",
    "rfc5280::pc::ica-noncritical-pc": "Doc 9303 knows no policy constraints",
    "rfc5280::serial::zero": "states have issued authorities with serial numbers of zero and below",
    "rfc5280::ski::intermediate-missing-ski": "old authorities lack it; name and key must fit",
    "rfc5280::validity::expired-root": "an authority must have been valid when it signed the next",
    "rfc5280::root-non-critical-basic-constraints": "states write it so; the content decides",
}


def outcome(case):
    def objects(texts):
        return [der for text in texts for der in unwrap(text.encode())]

    moment = case["validation_time"]
    at = datetime.fromisoformat(moment) if moment else ANY_TIME
    store = TrustStore.of(
        csca=objects(case["trusted_certs"]),
        link=objects(case["untrusted_intermediates"]),
        crl=objects(case["crls"]),
    )
    try:
        leaf = parse_certificate(objects([case["peer_certificate"]])[0])
        chain = build_chain(leaf, store, moment=Moment(at=at, basis="now"), profile=check_contents)
        state = revocation_state(chain, store, at=at)
    except EidError:
        return "FAILURE"
    return "FAILURE" if case["crls"] and state != "good" else "SUCCESS"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_case(case):
    expected = case["expected_result"]
    if case["id"] in DEVIATIONS:
        assert outcome(case) != expected, "this deviation has vanished: strike it off the list"
    else:
        assert outcome(case) == expected


def test_the_list_names_cases_that_exist_and_nothing_good_is_refused():
    expected = {case["id"]: case["expected_result"] for case in CASES}
    assert len(expected) == 40
    assert {expected[name] for name in DEVIATIONS} == {"FAILURE"}
