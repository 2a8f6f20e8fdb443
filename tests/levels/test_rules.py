from datetime import UTC, date, datetime

import pytest

from eid.errors import FormatError
from eid.levels.rules import Rules

HEAD = '[regulation]\nname="R"\nsource="S"\neffective_from=2020-01-01\n'
RULE = '[[rule]]\nid="a"\narticle="1"\ntext="t"\nconfidence="low"\n'


def test_every_shipped_rule_has_article_source_and_confidence():
    rules = Rules.load().items
    assert len(rules) >= 10
    for rule in rules:
        assert rule.article
        assert rule.source
        assert rule.text.endswith(".")
        assert rule.confidence in {"high", "medium", "low", "own"}
        assert (rule.confidence == "own") == (rule.regulation == "Project rules")


def test_decree_69_starts_by_the_calendar_of_vietnam():
    """In force from 2024-07-01, UTC+7: seven hours before it is that day in UTC."""
    rules = Rules.load()
    assert rules.at(datetime(2024, 6, 30, 16, 59, 59, tzinfo=UTC)).get("auth.level_1") is None
    first = rules.at(datetime(2024, 6, 30, 17, 0, tzinfo=UTC))
    assert first.get("auth.level_4").effective_from == date(2024, 7, 1)
    assert rules.at(datetime(2024, 6, 30, 16, tzinfo=UTC)).factor_table() == ()


def test_a_new_law_is_a_table_change():
    old = HEAD + "effective_until=2026-12-31\n" + RULE + "grants={level=1,kinds=1}\n"
    new = HEAD.replace("2020", "2027") + RULE + "grants={level=3,kinds=1}\n"
    rules = Rules.parse([old, new])
    last = datetime(2026, 12, 31, 16, 59, tzinfo=UTC)
    assert [row.level for row in rules.at(last).factor_table()] == [1]
    after = datetime(2026, 12, 31, 17, tzinfo=UTC)
    assert [row.level for row in rules.at(after).factor_table()] == [3]
    assert Rules.parse([new, old]).at(last).get("a").confidence == "low"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not toml",
        HEAD,
        RULE,
        HEAD + RULE + RULE,
        HEAD + RULE.replace("low", "sure"),
        HEAD + RULE.replace('"t"', '""'),
        HEAD + RULE.replace('"t"', "7"),
        HEAD + RULE + "colour=1\n",
        HEAD + RULE + 'grants={level="1",kinds=1}\n',
        HEAD + RULE + "grants={level=1}\n",
        HEAD + RULE + "grants={level=1,kinds=1,needs=[1]}\n",
        HEAD + RULE + "numbers={a=true}\n",
        HEAD + RULE + "from=2020-01-01T00:00:00Z\n",
        HEAD.replace("2020-01-01", '"2020"') + RULE,
        "regulation=1\n" + RULE,
    ],
)
def test_unclear_rules_are_refused(text):
    with pytest.raises(FormatError) as caught:
        Rules.parse([text])
    assert caught.value.code == "rules"


def test_a_rule_may_have_its_own_dates_and_numbers():
    rules = Rules.parse([HEAD + RULE + "from=2021-01-01\nuntil=2021-12-31\nnumbers={n=7}\n"])
    at = datetime(2021, 6, 1, tzinfo=UTC)
    assert rules.at(at).number("a", "n") == 7
    assert rules.at(at).number("a", "m") is None
    assert rules.at(at).number("b", "n") is None
    assert rules.at(datetime(2022, 6, 1, tzinfo=UTC)).items == ()


def test_naive_times_are_a_bug():
    with pytest.raises(ValueError, match="aware"):
        Rules.load().at(datetime(2026, 1, 1))  # noqa: DTZ001
