"""Queue: one process puts, another gets, per message: int, object, 200 rows, 1 KiB or 1 MiB of bytes."""

import sys

from start_line import iterations, race, report, spawn, variant

KIB = b"k" * 1024
MIB = b"m" * (1024 * 1024)

ROWS = [
    {"id": i, "name": f"name {i % 97}", "price": i * 1.25, "active": i % 3 == 0, "category": "tools", "stock": i * 7 % 1000}
    for i in range(200)
]

MESSAGES = {
    "int": lambda i: i,
    "object": lambda i: {"id": i, "path": "texts/ca01.txt", "words": 2242, "done": False},
    "rows": lambda i: ROWS,
    "1KiB": lambda i: KIB,
    "1MiB": lambda i: MIB,
}


def produce(queue, message, n):
    for i in range(n):
        queue.put(message(i))


def consume(queue, n):
    last = None
    for _ in range(n):
        last = queue.get()
    return last


def end_of(line, lane, queue, kind, n):
    message, warm_up = MESSAGES[kind], n // 10
    if lane == 0:
        produce(queue, message, warm_up)
        line.time(lane, lambda: produce(queue, message, n))
    else:
        consume(queue, warm_up)
        line.time(lane, lambda: consume(queue, n - 1))
        if consume(queue, 1) != message(n - 1):
            sys.exit("Cannot measure: the last message is not the one that was put last")


if __name__ == "__main__":
    n, kind = iterations(), variant()
    lanes = race(end_of, 2, spawn.Queue(), kind, n)
    # The producer only hands over to its feeder: the consumer's time is the transport's.
    report(f"queue_one_way {kind}", lanes[1] / (n - 1))
