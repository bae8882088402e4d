"""Lock: acquire and release with nobody else there, per pair."""

from start_line import iterations, report, spawn, time_of


def pairs(lock, n):
    for _ in range(n):
        lock.acquire()
        lock.release()


if __name__ == "__main__":
    n = iterations()
    lock = spawn.Lock()
    pairs(lock, n // 10)
    report("lock_uncontended", time_of(lambda: pairs(lock, n)) / n)
