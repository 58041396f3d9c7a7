"""Whether a server is still in the run that it was in."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from vrooli_data._transactions import is_same_run
from vrooli_data.records.transactions import ServerRun

BEFORE = ServerRun(1, 1, "1000.5", "1001.5", "0/1", [10, 11, 12])
#: Somebody has reset the statistics, or the server has crashed.
RESET = replace(BEFORE, stats_reset="3000.5")
#: What an ordinary checkpoint changes, and recovery from a crash as well.
CHECKPOINTED = replace(RESET, checkpoint_lsn="0/2")
#: Stopped in good order, and started again.
RESTARTED = replace(BEFORE, started="2000.5", checkpoint_lsn="0/2", processes=[20, 21, 22])


@pytest.mark.parametrize(
    ("now", "is_same"),
    [
        (BEFORE, True),
        (RESET, True),
        (CHECKPOINTED, True),
        # One process was replaced; it takes a crash to replace all.
        (replace(CHECKPOINTED, processes=[12, 13]), True),
        (replace(CHECKPOINTED, processes=[20, 21]), False),
        # Roles that see no process are told nothing by that.
        (replace(CHECKPOINTED, processes=[]), None),
        (replace(RESET, processes=[]), True),
        (RESTARTED, True),
        (replace(RESTARTED, stats_reset="2000.5"), False),
        (replace(RESTARTED, system_identifier=2), False),
        (replace(RESTARTED, timeline=2), False),
        # A standby was promoted.
        (replace(BEFORE, timeline=2), None),
    ],
)
def test_a_run_of_the_server_is_known_by_what_no_reset_of_statistics_changes(
    now: ServerRun, is_same: bool | None
) -> None:
    assert is_same_run(BEFORE, now) is is_same


def test_the_run_of_the_server_is_unknown_without_an_earlier_answer() -> None:
    assert is_same_run(None, BEFORE) is None
