from datetime import timedelta
from typing import Any

import pytest

from eid.errors import FormatError, ReaderError
from eid.kiosk.agent import Again, Agent, Answer, number_from
from eid.testing.people import PEOPLE

NUMBER = PEOPLE["thu"].number


def test_an_answer_names_its_consent(desk: Any) -> None:
    agent: Agent = desk.agent
    waiting = agent.begin(desk.provider.request(), origin=desk.provider.issuer)
    answer = agent.agree(waiting.id, waiting.form_token, NUMBER, text_version="vi/1")
    assert isinstance(answer, Answer)
    assert answer.consent.request_id == waiting.request.jti
    assert answer.consent.text_version == "vi/1"


def test_a_return_address_with_a_query_keeps_it(desk: Any) -> None:
    issuer = desk.provider.issuer
    token = desk.provider.request(return_uri=f"{issuer}/back?a=b")
    waiting = desk.agent.begin(token, origin=issuer)
    answer = desk.agent.agree(waiting.id, waiting.form_token, NUMBER, text_version="1")
    assert answer.location == f"{issuer}/back?a=b&handle={desk.provider.handle}"


def test_one_card_at_a_time(desk: Any) -> None:
    agent: Agent = desk.agent
    waiting = agent.begin(desk.provider.request(), origin=desk.provider.issuer)
    with agent._reader:
        again = agent.agree(waiting.id, waiting.form_token, NUMBER, text_version="1")
    assert isinstance(again, Again)
    assert isinstance(again.error, ReaderError)
    assert again.error.code == "agent.busy"
    assert not desk.waited
    fresh = again.waiting
    assert isinstance(agent.agree(fresh.id, fresh.form_token, NUMBER, text_version="1"), Answer)


def test_the_wait_for_a_card_ends_with_the_challenge(desk: Any) -> None:
    agent: Agent = desk.agent
    waiting = agent.begin(desk.provider.request(), origin=desk.provider.issuer)
    agent._clock = lambda: desk.provider.now + timedelta(seconds=100)
    agent.agree(waiting.id, waiting.form_token, NUMBER, text_version="1")
    assert desk.waited == [20.0]


@pytest.mark.parametrize(
    "text",
    [NUMBER, f" {NUMBER} ", "001 090 999 999", f"{NUMBER}|012345678|Nguyễn Văn Thử|02031990"],
)
def test_numbers_as_people_give_them(text: str) -> None:
    assert number_from(text) == NUMBER


@pytest.mark.parametrize("text", ["", "|", f"x|{NUMBER}", NUMBER + "\n", "0" * 11, "1" * 513])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(FormatError) as caught:
        number_from(text)
    assert caught.value.code == "agent.number"
    assert text[:11] == "" or text[:11] not in str(caught.value)
