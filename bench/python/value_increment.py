"""Value += 1 under its own lock by two processes, time of the slower over all increments.

Variants: acquire (explicit acquire and release), with and update (the context manager).
"""

import sys

from start_line import iterations, race, report, spawn, variant


def increment_acquire(counter, n):
    lock = counter.get_lock()
    for _ in range(n):
        lock.acquire()
        counter.value += 1
        lock.release()


def increment_with(counter, n):
    lock = counter.get_lock()
    for _ in range(n):
        with lock:
            counter.value += 1


INCREMENT = {"acquire": increment_acquire, "with": increment_with, "update": increment_with}


def contender(line, lane, counter, kind, n):
    increment = INCREMENT[kind]
    increment(counter, n // 10)
    line.time(lane, lambda: increment(counter, n))


if __name__ == "__main__":
    n, kind = iterations(), variant()
    counter = spawn.Value("i", 0)
    lanes = race(contender, 2, counter, kind, n)
    if counter.value != 2 * (n + n // 10):
        sys.exit(f"Cannot measure: {counter.value} increments counted")
    report(f"value_increment {kind}", max(lanes) / (2 * n), lanes)
