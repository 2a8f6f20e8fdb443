import threading
import time

import pytest

from eid.kiosk.joined import Joined


def wait_until_joined(joined: Joined[int]) -> None:
    running = joined._running["form"]
    while not running._condition._waiters:
        time.sleep(0.001)


def test_work_runs_once_for_all_who_ask_meanwhile() -> None:
    joined = Joined[int]()
    started, finish = threading.Event(), threading.Event()
    runs, results = [], []

    def work() -> int:
        runs.append(1)
        started.set()
        assert finish.wait(5)
        return 7

    first = threading.Thread(target=lambda: results.append(joined.run("form", work)))
    first.start()
    assert started.wait(5)
    second = threading.Thread(target=lambda: results.append(joined.run("form", work)))
    second.start()
    wait_until_joined(joined)
    assert joined.run("other", lambda: 1) == 1
    finish.set()
    first.join(5)
    second.join(5)
    assert (results, runs) == ([7, 7], [1])
    assert joined.run("form", lambda: 8) == 8


def test_what_work_raises_reaches_all() -> None:
    joined = Joined[int]()
    started, finish = threading.Event(), threading.Event()
    caught = []

    def work() -> int:
        started.set()
        assert finish.wait(5)
        raise KeyError

    def ask() -> None:
        try:
            joined.run("form", work)
        except KeyError as error:
            caught.append(error)

    threads = [threading.Thread(target=ask) for _ in range(2)]
    threads[0].start()
    assert started.wait(5)
    threads[1].start()
    wait_until_joined(joined)
    finish.set()
    for thread in threads:
        thread.join(5)
    assert len(caught) == 2
    with pytest.raises(KeyError):
        joined.run("form", work)
