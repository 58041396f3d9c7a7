"""How a listener polls and backs off, and the text of positions."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vrooli_data import InvalidInput
from vrooli_data._domain.positions import parsed_position
from vrooli_data._listening import BackOff, Pace

BIGINT = st.integers(-(2**63), 2**63 - 1)


@given(BIGINT, st.integers(0, 2**64 - 1), BIGINT)
def test_every_position_that_a_server_can_write_is_read(
    identifier: int, xid: int, seq: int
) -> None:
    assert parsed_position("after", f"{identifier}/{xid}/{seq}") == (identifier, xid, seq)


@given(st.text("0123456789/-+ ", max_size=30))
def test_a_text_is_read_only_in_the_form_in_which_it_is_written(text: str) -> None:
    with suppress(InvalidInput):
        assert "/".join(map(str, parsed_position("after", text))) == text


@pytest.mark.parametrize("poll_interval", [1.0, 0.01])
def test_a_listener_looks_more_often_for_a_while(poll_interval: float) -> None:
    pace = Pace(poll_interval)
    assert pace.next_wait() == poll_interval
    pace.quicken()
    quick = [pace.next_wait() for _ in range(10)]
    assert set(quick) == {min(0.05, poll_interval)}
    assert pace.next_wait() == poll_interval


def test_the_first_attempt_is_made_at_once_and_later_ones_ever_later() -> None:
    back_off = BackOff()
    assert back_off.next_wait() == 0
    waits = [back_off.next_wait() for _ in range(1_000)]
    assert waits[0] <= 0.1
    assert 1 < max(waits) <= 5
    back_off.end()
    assert back_off.next_wait() == 0
