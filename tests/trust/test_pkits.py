"""NIST PKITS through the chain builder: signatures, dates, names, lists, authorities (C-053).

All 68 tests of sections 4.1 to 4.4, 4.6 and 4.7, with every authority and list of all of them in
one store: whatever way leads up is taken. The root is the only anchor. As in the limbo cases the
builder is asked about the path, without the profile of a Document Signer. A new deviation fails
the test, and so does one that has vanished.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eid.errors import EidError, SignatureInvalid
from eid.trust.certificates import parse_certificate, verify_issued
from eid.trust.path import Moment, build_chain, revocation_state
from eid.trust.profile import check_contents
from eid.trust.store import TrustStore

FOLDER = Path(__file__).parents[1] / "vectors" / "pkits"
ENDS = sorted((FOLDER / "ends").glob("4.*/*.crt"))
ROOT = "TrustAnchorRootCertificate.crt"
AT = datetime(2026, 6, 1, tzinfo=UTC)

DEVIATIONS = {
    "ValidDSASignaturesTest4": "a key of 1,024 bits and SHA-1; the signature alone is judged below",
    "ValidDSAParameterInheritanceTest5": "a key says all of its parameters; none are inherited",
    "ValidGeneralizedTimenotBeforeDateTest4": "a signer's date before 2050 in the long form is "
    "not DER as RFC 5280 asks; Doc 9303 asks for the same",
    **dict.fromkeys(
        (
            "InvalidpathLenConstraintTest5",
            "InvalidpathLenConstraintTest6",
            "InvalidpathLenConstraintTest9",
            "InvalidpathLenConstraintTest10",
            "InvalidpathLenConstraintTest11",
            "InvalidpathLenConstraintTest12",
            "InvalidSelfIssuedpathLenConstraintTest16",
        ),
        "link certificates under a length of 0 are the rule in the field; lengths are not judged",
    ),
}


@pytest.fixture(scope="module")
def store():
    certificates = {file.name: file.read_bytes() for file in sorted(FOLDER.glob("certs/*.crt"))}
    return TrustStore.of(
        csca=[certificates.pop(ROOT)],
        link=certificates.values(),
        crl=[file.read_bytes() for file in sorted(FOLDER.glob("crls/*.crl"))],
    )


def outcome(end, store):
    try:
        leaf = parse_certificate(end.read_bytes())
        chain = build_chain(leaf, store, moment=Moment(at=AT, basis="now"), profile=check_contents)
        state = revocation_state(chain, store, at=AT)
    except EidError as error:
        return "Invalid", error.code
    return ("Valid" if state == "good" else "Invalid"), state


def expected(end):
    return "Invalid" if end.name.startswith("Invalid") else "Valid"


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.stem)
def test_end(end, store):
    found, why = outcome(end, store)
    if end.stem.removesuffix("EE") in DEVIATIONS:
        assert found != expected(end), "this deviation has vanished: strike it off the list"
    else:
        assert found == expected(end), why


def test_the_list_names_cases_that_exist():
    assert Counter(end.parent.name for end in ENDS) == {
        "4.1": 6, "4.2": 8, "4.3": 11, "4.4": 21, "4.6": 17, "4.7": 5
    }  # fmt: skip
    assert DEVIATIONS.keys() <= {end.stem.removesuffix("EE") for end in ENDS}


def test_the_dsa_signatures_themselves_are_judged_right():
    authority = parse_certificate((FOLDER / "certs" / "DSACACert.crt").read_bytes())
    good = parse_certificate((FOLDER / "ends/4.1/ValidDSASignaturesTest4EE.crt").read_bytes())
    verify_issued(good, authority)
    turned = good.signature[:-1] + bytes([good.signature[-1] ^ 1])
    with pytest.raises(SignatureInvalid):
        verify_issued(dataclasses.replace(good, signature=turned), authority)


def test_what_cannot_be_read_is_reported(store):
    """Two damaged signatures that claim unused bits, two lists with unknown critical parts."""
    assert sorted(problem.code for problem in store.problems) == [
        "crl.extension", "crl.extension", "key.format", "key.format"
    ]  # fmt: skip
