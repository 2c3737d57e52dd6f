"""One clock for many processes: the server's, carried on by a machine's steady clock."""

from datetime import UTC, datetime, timedelta

from bot.engine.servers_time import ServersTime

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class Machine:
    """A machine's two clocks."""

    def __init__(self) -> None:
        self.own = NOON + HOUR
        self.steady = 100.0


def clock_of(machine: Machine) -> ServersTime:
    """Return the clock of a process on it."""
    return ServersTime(lambda: machine.own, lambda: machine.steady)


def test_until_the_server_has_spoken_the_machines_own_clock_serves() -> None:
    """Nothing else is known then."""
    machine = Machine()
    assert clock_of(machine)() == NOON + HOUR


def test_a_jump_of_the_machines_clock_changes_nothing() -> None:
    """The server's word, and what has passed since by the steady clock, is the time."""
    machine = Machine()
    clock = clock_of(machine)
    clock.hear(NOON, asked=100.0)
    for jump in (HOUR, -HOUR * 5, timedelta(days=400)):
        machine.own += jump
        machine.steady += 2.0
    assert clock() == NOON + timedelta(seconds=6)


def test_a_slow_answer_does_not_make_the_clock_tremble() -> None:
    """What lies within the time that the answer took is no news, whichever way it went."""
    machine = Machine()
    clock = clock_of(machine)
    clock.hear(NOON, asked=100.0)
    machine.steady = 110.0
    for late in (0.0, 1.5, 3.0):
        clock.hear(NOON + timedelta(seconds=10 - 3 + late), asked=107.0)
        assert clock() == NOON + timedelta(seconds=10)


def test_a_clock_that_went_wrong_is_put_right() -> None:
    """A steady clock that stood still while the machine slept, and a server whose clock was set, are followed."""
    machine = Machine()
    clock = clock_of(machine)
    clock.hear(NOON, asked=100.0)
    for told in (NOON + HOUR, NOON - HOUR):
        clock.hear(told, asked=99.0)
        assert clock() == told + timedelta(seconds=0.5)
