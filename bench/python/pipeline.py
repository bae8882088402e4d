"""A pipeline: one process reads a file of JSON lines, two parse pieces of it, this one adds up; per megabyte."""

import json
import os
import time

from start_line import iterations, report, spawn

PIECE = 1 << 18
MEGABYTE = 1_000_000
PARSERS = 2


def add(totals, more):
    for country, amount in more.items():
        totals[country] = totals.get(country, 0) + amount


def read(path, ready, begun, pieces):
    with open(path, "rb", buffering=0) as file:
        ready.put(True)
        begun.wait()
        rest = b""
        while filled := rest + file.read(PIECE - len(rest)):
            end = filled.rindex(b"\n") + 1
            rest = filled[end:]
            pieces.put(filled[:end])
    for _ in range(PARSERS):
        pieces.put(None)


def parse(ready, begun, pieces, sums):
    ready.put(True)
    begun.wait()
    while piece := pieces.get():
        totals = {}
        for line in piece.splitlines():
            order = json.loads(line)
            add(totals, {order["country"]: order["amount"]})
        sums.put(totals)
    sums.put(None)


if __name__ == "__main__":
    megabytes = iterations()
    path = f"{os.path.dirname(__file__)}/../../target/bench/lines-{megabytes}.jsonl"
    ready, begun, pieces, sums = spawn.Queue(), spawn.Event(), spawn.Queue(4), spawn.Queue()
    children = [spawn.Process(target=read, args=(path, ready, begun, pieces))]
    children += [spawn.Process(target=parse, args=(ready, begun, pieces, sums)) for _ in range(PARSERS)]
    for child in children:
        child.start()
    for _ in children:
        ready.get()
    begin = time.perf_counter_ns()
    begun.set()
    totals, ends = {}, 0
    while ends < PARSERS:
        some = sums.get()
        if some is None:
            ends += 1
        else:
            add(totals, some)
    elapsed = time.perf_counter_ns() - begin
    for child in children:
        child.join()
    report("pipeline", elapsed / megabytes)
