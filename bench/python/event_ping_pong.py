"""Event: set here wakes a wait there, and back, per round trip."""

from start_line import iterations, race, report, spawn


def serve(mine, theirs, n):
    for _ in range(n):
        theirs.set()
        mine.wait()
        mine.clear()


def answer(mine, theirs, n):
    for _ in range(n):
        mine.wait()
        mine.clear()
        theirs.set()


def player(line, lane, events, n):
    mine, theirs = events[lane], events[1 - lane]
    turns = answer if lane else serve
    turns(mine, theirs, n // 10)
    line.time(lane, lambda: turns(mine, theirs, n))


if __name__ == "__main__":
    n = iterations()
    lanes = race(player, 2, (spawn.Event(), spawn.Event()), n)
    report("event_ping_pong", max(lanes) / n, lanes)
