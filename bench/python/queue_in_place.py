"""Queue: one process writes 1 MiB and puts it, another gets and reads it; per message. A queue of CPython's copies."""

import sys

from start_line import iterations, race, report, spawn, variant

SIZE = 1024 * 1024
PAGE = 4096
SOURCE = b"m" * SIZE


def write_pages(buffer, i):
    buffer[::PAGE] = bytes([i & 255]) * (SIZE // PAGE)


def write_whole(buffer, i):
    buffer[:] = SOURCE
    write_pages(buffer, i)


WRITES = {"pages": write_pages, "whole": write_whole}


def produce(queue, write, n):
    for i in range(n):
        buffer = bytearray(SIZE)
        write(buffer, i)
        queue.put(buffer)


def consume(queue, n):
    for i in range(n):
        if queue.get()[::PAGE] != bytes([i & 255]) * (SIZE // PAGE):
            sys.exit("Cannot measure: the bytes are not those that were put")


def end_of(line, lane, queue, kind, n):
    def work(n):
        if lane == 0:
            produce(queue, WRITES[kind], n)
        else:
            consume(queue, n)

    work(-(-n // 10))
    line.time(lane, lambda: work(n))


if __name__ == "__main__":
    n, kind = iterations(), variant()
    lanes = race(end_of, 2, spawn.Queue(2), kind, n)
    report(f"queue_in_place {kind}", lanes[1] / n)
