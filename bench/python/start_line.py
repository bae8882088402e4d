"""Processes that start together: each warms up, lines up with the others and times its own part."""

import json
import multiprocessing
import sys
import time

# The one start method that both sides have.
spawn = multiprocessing.get_context("spawn")


class StartLine:
    def __init__(self, lanes):
        self._ready = spawn.RawArray("i", lanes)
        self.elapsed = spawn.RawArray("d", lanes)

    def line_up(self, lane):
        """Waits until every lane has come here."""
        self._ready[lane] = 1
        while not all(self._ready):
            pass

    def time(self, lane, body):
        """Runs body once every lane has come here; keeps its nanoseconds."""
        self.line_up(lane)
        start = time.perf_counter_ns()
        body()
        self.elapsed[lane] = time.perf_counter_ns() - start


def race(target, lanes, *args):
    """Runs target(line, lane, *args) in one process per lane; the nanoseconds of each lane."""
    line = StartLine(lanes)
    processes = [
        spawn.Process(target=target, args=(line, lane, *args)) for lane in range(lanes)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        if process.exitcode != 0:
            sys.exit(f"Cannot measure: {process.name} ended with {process.exitcode}")
    return list(line.elapsed)


def time_of(body):
    start = time.perf_counter_ns()
    body()
    return time.perf_counter_ns() - start


def iterations():
    return int(sys.argv[1])


def variant():
    return sys.argv[2]


def report(work, ns, lanes=None):
    """One JSON line: nanoseconds per operation; with lanes, how much of the time they overlapped."""
    line = {"work": work, "ns": ns}
    if lanes is not None:
        line["overlap"] = min(lanes) / max(lanes)
    print(json.dumps(line))
