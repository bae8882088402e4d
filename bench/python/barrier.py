"""Barrier of four processes, per round."""

from start_line import iterations, race, report, spawn

PARTIES = 4


def rounds(barrier, n):
    for _ in range(n):
        barrier.wait()


def party(line, lane, barrier, n):
    rounds(barrier, n // 10)
    line.time(lane, lambda: rounds(barrier, n))


if __name__ == "__main__":
    n = iterations()
    lanes = race(party, PARTIES, spawn.Barrier(PARTIES), n)
    report("barrier", max(lanes) / n, lanes)
