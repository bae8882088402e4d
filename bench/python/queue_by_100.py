"""Queue: one process puts small integers, another gets them, one by one as there is nothing else; per integer."""

import sys

from start_line import iterations, race, report, spawn


def produce(queue, n):
    for i in range(n):
        queue.put(i)


def consume(queue, n):
    last = None
    for _ in range(n):
        last = queue.get()
    return last


def end_of(line, lane, queue, n):
    warm_up = n // 10
    if lane == 0:
        produce(queue, warm_up)
        line.time(lane, lambda: produce(queue, n))
    else:
        consume(queue, warm_up)
        line.time(lane, lambda: consume(queue, n - 1))
        if consume(queue, 1) != n - 1:
            sys.exit("Cannot measure: the last message is not the one that was put last")


if __name__ == "__main__":
    n = iterations()
    lanes = race(end_of, 2, spawn.Queue(), n)
    report("queue_by_100", lanes[1] / (n - 1))
