"""Semaphore: acquire and release with nobody else there, per pair."""

from start_line import iterations, report, spawn, time_of


def pairs(semaphore, n):
    for _ in range(n):
        semaphore.acquire()
        semaphore.release()


if __name__ == "__main__":
    n = iterations()
    semaphore = spawn.Semaphore(1)
    pairs(semaphore, n // 10)
    report("semaphore_uncontended", time_of(lambda: pairs(semaphore, n)) / n)
