import json

import pytest

from eid.cli import main
from eid.levels.rules import Rules


def explain(capsys, *options):
    assert main(["levels", "explain", *options]) == 0
    return capsys.readouterr().out


def test_every_rule_of_the_day_with_its_confidence(capsys):
    document = json.loads(explain(capsys, "--at", "2026-11-21", "--json"))
    assert "never the text of the law" in document["note"]
    assert len(document["mapping"]["rows"]) == 6
    ids = {row["id"] for row in document["rules"]}
    assert {"auth.level_4", "link.banking", "payment.device", "source.qr_only"} <= ids
    text = explain(capsys, "--at", "2026-11-21")
    assert text.count("[") == len(document["rules"])
    for row in document["rules"]:
        assert f"[{row['confidence']}] {row['article']}" in text
    assert "our judgement, not law" in text


@pytest.mark.parametrize(
    ("day", "regulation", "absent"),
    [
        ("2023-01-01", "Decree 59/2022/ND-CP", "69/2024"),
        ("2024-06-30", "Decree 59/2022/ND-CP", "69/2024/ND-CP"),
        ("2024-07-01", "Decree 69/2024/ND-CP", "59/2022/ND-CP"),
    ],
)
def test_by_day(capsys, day, regulation, absent):
    text = explain(capsys, "--at", day)
    assert regulation in text
    assert absent not in text


def test_today(capsys):
    assert Rules.load().items[0].id in explain(capsys)


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "0001-01-01", "9999-12-31"])
def test_days_that_are_none(capsys, day):
    assert main(["levels", "explain", "--at", day]) == 2
    assert "input.day" in capsys.readouterr().err
