"""Rows L-003, L-009, L-016, D-006, D-007, F-010, F-011 and F-016, as far as levels and the store hold them."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import eid
from eid.chip.evidence import UNKNOWN_ACCESS, Evidence
from eid.chip.verify import VerifiedCard
from eid.errors import FormatError
from eid.levels.account import Account, Profile, move
from eid.levels.assess import assess
from eid.levels.assurance import Factor
from eid.levels.rules import Rules
from eid.store import new_account_id, open_store

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
RULES = Rules.load()
ROOT = Path(eid.__file__).parent


@pytest.fixture
def store(tmp_path):
    url = f"sqlite:///{tmp_path / 'eid.db'}"
    opened = open_store(url, tmp_path, insecure_fast_hash=True, insecure_fast_commit=True)
    yield opened
    opened.close()


def person(username="thu", number="001190000001"):
    return Account(
        id=new_account_id(),
        username=username,
        created_at=AT,
        state="active",
        level=2,
        holder_match="officer",
        source="chip_local",
        profile=Profile(
            name="X", birth_date="1990-05-17", personal_number=number, document_number="190000001"
        ),
    )


def level_of(account):
    factors = [Factor.of("password", AT), Factor.of("card", AT)]
    given = assess(card=None, factors=factors, account=account, consent=True, rules=RULES, at=AT)
    return given.level


@pytest.mark.parametrize("event", ["document_expired", "card_lost", "number_cancelled"])
def test_l003_without_a_valid_card_the_level_falls(store, event):
    account = store.accounts.create(person())
    assert level_of(account) == 2
    left = store.accounts.happen(account.id, event, by="canbo", reason="x", at=AT)
    assert (left.level, level_of(left)) == (0, 0)
    assert level_of(store.accounts.by_id(account.id)) == 0


def test_l003_a_replaced_card_is_linked_by_the_persons_number(store):
    account = store.accounts.create(person())
    lost = store.accounts.happen(account.id, "card_lost", by="canbo", reason="x", at=AT)
    newer = replace(lost.profile, document_number="190000002")
    again = move(lost, "proofed_at_counter", at=AT, holder_match="officer")
    store.accounts.update(replace(again, profile=newer), at=AT)
    found = store.accounts.by_number("001190000001")
    assert (found.id, found.level, found.profile.document_number) == (account.id, 2, "190000002")


def test_d006_two_sectors_cannot_join_what_they_know(store):
    one, two = store.accounts.create(person()), store.accounts.create(person("b", "001190000002"))
    subjects = {
        store.accounts.subject(account.id, sector)
        for account in (one, two)
        for sector in ("bệnh viện", "ngân hàng")
    }
    assert len(subjects) == 4
    assert not any(one.id in subject or "001190000001" in subject for subject in subjects)


def test_l016_an_account_without_a_card_is_marked_by_its_source(store):
    """Break-glass is by hand: a lower level, a source of its own, and on record."""
    by_hand = replace(person(), level=1, holder_match="none", source="manual")
    given = assess(card=None, factors=[], account=by_hand, consent=True, rules=RULES, at=AT)
    assert (given.level, given.auth_level, given.source) == (1, 0, "manual")
    assert any(rule.id == "source.manual" for rule in given.because)


QUIET = """
import socket, sys
def refuse(*_):
    raise AssertionError("an outbound connection")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = refuse
import eid.store, eid.levels.factors.code, eid.levels.factors.passkey, eid.admin.recovery
import eid.levels.payments, eid.levels.past, eid.cli.program
from datetime import datetime, UTC
from pathlib import Path
at = datetime(2026, 11, 21, tzinfo=UTC)
from eid.levels.account import Account
store = eid.store.open_store(f"sqlite:///{sys.argv[1]}/eid.db", Path(sys.argv[1]),
                             insecure_fast_hash=True)
account = store.accounts.create(Account(id="a", username="a", created_at=at))
store.factors.enrol_totp("a", at=at)
store.subjects.erase("a", by="b", reason="c", at=at)
store.close()
"""


def test_d007_f010_nothing_leaves_on_import_or_in_use(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", QUIET, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


SAME = """
from datetime import datetime, UTC
from eid.levels.deadlines import due
from eid.levels.rules import Rules
from eid.levels.username import normalize_username
from eid.levels.payments import Transfer, assess_payment
rules = Rules.load()
night = datetime(2026, 11, 20, 17, 30, tzinfo=UTC)
print(due("lock", night, rules=rules).isoformat(), ascii(normalize_username("IK\\u1ec4")))
before = [Transfer(amount=19_999_999, at=datetime(2026, 11, 20, 16, 59, tzinfo=UTC))]
print(assess_payment(Transfer(amount=2, at=night), earlier=before, rules=rules).day_sum)
print(rules.at(datetime(2024, 6, 30, 17, tzinfo=UTC)).get("auth.level_1").article)
"""


def test_f011_time_zone_and_locale_change_nothing():
    said = set()
    for zone, language in (
        ("UTC", "C"),
        ("Asia/Ho_Chi_Minh", "vi_VN.UTF-8"),
        ("America/Los_Angeles", "tr_TR.UTF-8"),
    ):
        environment = {**os.environ, "TZ": zone, "LANG": language, "LC_ALL": language}
        done = subprocess.run(
            [sys.executable, "-c", SAME],
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        said.add(done.stdout)
    assert len(said) == 1


@pytest.mark.parametrize(
    "told",
    [
        {"level": 2},
        {"verdict": "accepted"},
        {"holder_match": "officer", "holder": {"personal_number": "001190000001"}},
        {"checks": [{"name": "sod.chain", "status": "passed", "code": ""}]},
    ],
)
def test_l009_a_verdict_from_outside_is_no_evidence(told):
    """A kiosk that sends what it thinks is refused, alone or beside evidence."""
    evidence = Evidence(files={"EF.SOD": b"x"}, access=UNKNOWN_ACCESS, read_at=AT)
    beside = json.loads(evidence.to_json()) | told
    for document in (told, beside):
        with pytest.raises(FormatError):
            Evidence.from_json(json.dumps(document).encode())
    with pytest.raises(TypeError):
        VerifiedCard(**dict.fromkeys(VerifiedCard.__slots__, None))


def test_f016_verdicts_rest_on_our_own_reading_of_der():
    """What a release of `cryptography` stops parsing changes no verdict: nobody here asks it to.

    Explicit curves, SHA-1, odd serials and their verdicts are pinned by the forged cards.
    """
    production = [path for path in ROOT.rglob("*.py") if "testing" not in path.parts]
    assert len(production) > 100
    for path in production:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = {f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                names = {alias.name for alias in node.names}
            else:
                continue
            assert not [name for name in names if name.startswith("cryptography.x509")], path
