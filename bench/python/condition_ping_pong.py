"""Condition: a turn passed by notify to a waiting process, and back, per round trip."""

from start_line import iterations, race, report, spawn


def take_turns(condition, turn, me, n):
    for _ in range(n):
        with condition:
            while turn[0] != me:
                condition.wait()
            turn[0] = 1 - me
            condition.notify()


def player(line, lane, condition, turn, n):
    take_turns(condition, turn, lane, n // 10)
    line.time(lane, lambda: take_turns(condition, turn, lane, n))


if __name__ == "__main__":
    n = iterations()
    lanes = race(player, 2, spawn.Condition(), spawn.RawArray("i", 1), n)
    report("condition_ping_pong", max(lanes) / n, lanes)
