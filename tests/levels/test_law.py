"""Every rule with its article: what it grants, on which days, and what it says of itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from eid.levels.account import Account, Profile
from eid.levels.assess import assess
from eid.levels.assurance import METHODS, Assurance, Factor
from eid.levels.mapping import MAPPING, equivalent
from eid.levels.rules import VIETNAM, Rules

RULES = Rules.load()
AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
PERSON = Account(
    id="a",
    username="thu",
    created_at=AT,
    state="active",
    level=2,
    holder_match="officer",
    source="chip_local",
    profile=Profile(name="X", birth_date="1990-05-17", personal_number="001190000001"),
)

# (regulation, rule, article says, first day, last day, confidence)
ARTICLES = [
    ("account.level_1", "59/2022 art. 12", "2022-10-20", "2024-06-30", "high"),
    ("account.level_2", "59/2022 art. 12", "2022-10-20", "2024-06-30", "high"),
    ("lock", "59/2022 art. 19", "2022-10-20", "2024-06-30", "high"),
    ("unlock", "59/2022 art. 19", "2022-10-20", "2024-06-30", "high"),
    ("retention.usage", "59/2022 art. 21", "2022-10-20", "2024-06-30", "high"),
    ("auth.level_1", "69/2024 art. 20", "2024-07-01", None, "high"),
    ("auth.level_2", "69/2024 art. 20", "2024-07-01", None, "high"),
    ("auth.level_3", "69/2024 art. 20", "2024-07-01", None, "high"),
    ("auth.level_4", "69/2024 art. 20", "2024-07-01", None, "high"),
    ("account.level_1", "69/2024 art. 7", "2024-07-01", None, "high"),
    ("account.level_2", "69/2024 art. 7", "2024-07-01", None, "high"),
    ("account.age", "69/2024 art. 7", "2024-07-01", None, "high"),
    ("account.foreigner", "69/2024 art. 7", "2024-07-01", None, "high"),
    ("consent", "69/2024 art. 19(3)", "2024-07-01", None, "medium"),
    ("single_use", "69/2024 art. 19(4)", "2024-07-01", None, "medium"),
    ("lock", "69/2024 (as 59/2022 art. 19)", "2024-07-01", None, "low"),
    ("unlock", "69/2024 (as 59/2022 art. 19)", "2024-07-01", None, "low"),
    ("retention.usage", "69/2024 art. 17(2), 28(4)", "2024-07-01", None, "medium"),
    ("connection.direct", "69/2024 art. 18(1-3)", "2024-07-01", None, "medium"),
    ("connection.provider", "69/2024 art. 18(4), 22-23", "2024-07-01", None, "medium"),
    ("chip.consent", "Law 26/2023 art. 22(5), 32(2)", "2024-07-01", None, "medium"),
    ("card.electronic_wins", "Law 26/2023 art. 33(2)", "2024-07-01", None, "medium"),
    ("card.no_more_papers", "Law 26/2023 art. 20(3)", "2024-07-01", None, "medium"),
    ("privacy.breach", "Law 91/2025; Decree 356/2025", "2026-01-01", None, "medium"),
    ("privacy.request", "Decree 356/2025", "2026-01-01", None, "medium"),
    ("privacy.consent_log", "Law 91/2025; Decree 330/2026", "2026-01-01", None, "medium"),
    ("privacy.sensitive", "Decree 356/2025 art. 4", "2026-01-01", None, "medium"),
    ("link.platforms", "320/2026, adding 69/2024 art. 40(9)", "2026-09-28", None, "high"),
    ("link.banking", "320/2026, adding 69/2024 art. 40(10)", "2026-09-28", None, "high"),
    ("payment.amount", "2345/QD-NHNN", "2024-07-01", "2024-12-31", "high"),
    ("payment.day", "2345/QD-NHNN", "2024-07-01", "2024-12-31", "high"),
    ("payment.reference", "2345/QD-NHNN", "2024-07-01", "2024-12-31", "high"),
    ("payment.amount", "50/2024/TT-NHNN", "2025-01-01", None, "medium"),
    ("payment.day", "50/2024/TT-NHNN", "2025-01-01", None, "medium"),
    ("payment.device", "50/2024/TT-NHNN", "2025-01-01", None, "medium"),
    ("payment.match", "50/2024/TT-NHNN", "2025-01-01", None, "medium"),
    (
        "payment.reference",
        "50/2024/TT-NHNN; 17/2024/TT-NHNN art. 17(5)(c)",
        "2025-01-01",
        None,
        "medium",
    ),
]


@pytest.mark.parametrize(("rule_id", "article", "first", "last", "confidence"), ARTICLES)
def test_article(rule_id, article, first, last, confidence):
    (rule,) = [one for one in RULES.items if (one.id, one.article) == (rule_id, article)]
    assert rule.effective_from.isoformat() == first
    assert (rule.effective_until.isoformat() if rule.effective_until else None) == last
    assert rule.confidence == confidence
    noon = datetime.combine(rule.effective_from, datetime.min.time(), VIETNAM).replace(hour=12)
    assert RULES.at(noon).get(rule_id) is rule


def test_the_table_of_articles_is_complete():
    listed = {row[:2] for row in ARTICLES}
    law = {(rule.id, rule.article) for rule in RULES.items if rule.confidence != "own"}
    assert law == listed


def shown(*methods, uv=False):
    return [Factor.of(method, AT, user_verified=uv and method == "passkey") for method in methods]


@pytest.mark.parametrize(
    ("methods", "level"),
    [
        ((), 0),
        (("password",), 1),
        (("card",), 1),
        (("face",), 1),
        (("password", "pin"), 1),
        (("card", "totp", "passkey", "code"), 1),
        (("password", "card"), 2),
        (("pin", "totp"), 2),
        (("face", "card"), 3),
        (("face", "password"), 3),
        (("face", "password", "card"), 4),
    ],
)
def test_69_2024_article_20(methods, level):
    given = assess(
        card=None, factors=shown(*methods), account=PERSON, consent=True, rules=RULES, at=AT
    )
    assert given.auth_level == level
    if level:
        assert any(rule.id == f"auth.level_{level}" for rule in given.because)


def test_before_69_2024_no_rule_gives_an_authentication_level():
    day = datetime(2023, 5, 1, tzinfo=UTC)
    factors = [Factor.of("password", day), Factor.of("card", day)]
    given = assess(card=None, factors=factors, account=PERSON, consent=True, rules=RULES, at=day)
    assert (given.level, given.auth_level) == (2, 0)
    assert given.because[0].article == "59/2022 art. 12"


@pytest.mark.parametrize(
    ("birth", "level"),
    [("2020-11-22", 1), ("2020-11-21", 2), ("2024-01-01", 1), ("", 2), ("2010-01-01", 2)],
)
def test_l005_69_2024_article_7_never_level_2_under_six(birth, level):
    young = replace(PERSON, profile=replace(PERSON.profile, birth_date=birth))
    given = assess(card=None, factors=[], account=young, consent=True, rules=RULES, at=AT)
    assert given.level == level


def test_320_2026_deadlines():
    day = datetime(2026, 9, 28, 12, tzinfo=VIETNAM)
    now = RULES.at(day)
    (banking,) = now.deadlines("banking")
    assert (banking.due, banking.effective_from) == (date(2027, 6, 30), date(2026, 9, 28))
    for trade in ("medical_care", "telecom", "education", "e_invoice", "social_network"):
        assert [rule.due for rule in now.deadlines(trade)] == [date(2026, 12, 31)]
    assert now.deadlines("fishing") == ()
    assert RULES.at(datetime(2026, 9, 27, 12, tzinfo=VIETNAM)).deadlines("banking") == ()


@pytest.mark.parametrize(
    ("level", "auth_level"), [(-1, 0), (3, 0), (0, 5), ("2", 1), (True, 1), ([2], 1), (2.0, 1)]
)
def test_l014_levels_that_there_are_not(level, auth_level):
    with pytest.raises((ValueError, TypeError)):
        Assurance(
            level=level,
            auth_level=auth_level,
            holder_match="none",
            consent=True,
            source="manual",
        )


def test_mapping_is_whole_and_ours():
    assert [(row.axis, row.level) for row in MAPPING] == [
        ("account", 1),
        ("account", 2),
        *(("auth", level) for level in (1, 2, 3, 4)),
    ]
    assert {row.confidence for row in MAPPING} == {"own"}
    assert equivalent("auth", 5) is None
    known = {method.amr for method in METHODS.values()} | {"mfa"}
    for row in MAPPING:
        assert row.acr.endswith(f"{row.axis}:{row.level}".replace("account", "level"))
        words = row.amr.replace("|", " ").replace(",", " ").split()
        assert set(words) - {"with", "and"} <= known


def test_rules_of_many_days_are_not_all_kept():
    rules = Rules.load()
    for year in range(2001, 2099):
        assert rules.at(datetime(year, 1, 1, tzinfo=UTC)) is not None
    assert len(rules._days) <= 64
