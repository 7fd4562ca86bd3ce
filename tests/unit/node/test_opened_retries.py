"""What opened and was not given is asked for soon, then ever more seldom."""

from registry_node.part_following import RetryTimes


def test_rounds_after_an_embargo_begin_close_together_and_come_ever_more_seldom() -> None:
    retry, now_s, waits = RetryTimes(due_s=900), 100.0, []
    retry.hurry_opened()
    for _ in range(6):
        assert retry.start_if_due(now_s)
        retry.ended(now_s, stored=0)
        waits.append(round(retry.due_s - now_s, 3))
        now_s = retry.due_s

    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4]
