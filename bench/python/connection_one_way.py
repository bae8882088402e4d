"""Connection: one process sends 1 MiB of bytes, another receives, per message."""

import sys

from start_line import iterations, race, report, spawn

MIB = b"m" * (1024 * 1024)


def send(end, n):
    for _ in range(n):
        end.send_bytes(MIB)


def receive(end, n):
    for _ in range(n):
        if len(end.recv_bytes()) != len(MIB):
            sys.exit("Cannot measure: a message has the wrong length")


def end_of(line, lane, ends, n):
    work = receive if lane else send
    work(ends[lane], n // 10)
    line.time(lane, lambda: work(ends[lane], n))


if __name__ == "__main__":
    n = iterations()
    lanes = race(end_of, 2, spawn.Pipe(), n)
    report("connection_one_way", lanes[1] / n)
