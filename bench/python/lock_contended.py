"""Lock: two processes acquire and release the same one, time of the slower over all pairs."""

from start_line import iterations, race, report, spawn


def pairs(lock, n):
    for _ in range(n):
        lock.acquire()
        lock.release()


def contender(line, lane, lock, n):
    pairs(lock, n // 10)
    line.time(lane, lambda: pairs(lock, n))


if __name__ == "__main__":
    n = iterations()
    lanes = race(contender, 2, spawn.Lock(), n)
    report("lock_contended", max(lanes) / (2 * n), lanes)
