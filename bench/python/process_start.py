"""Process: start and join one that runs an empty function, by spawn, one after another."""

import sys

from start_line import iterations, report, spawn, time_of


def nothing():
    pass


def start_and_join(n):
    for _ in range(n):
        process = spawn.Process(target=nothing)
        process.start()
        process.join()
        if process.exitcode != 0:
            sys.exit(f"Cannot measure: {process.name} ended with {process.exitcode}")


if __name__ == "__main__":
    n = iterations()
    start_and_join(2)
    report("process_start", time_of(lambda: start_and_join(n)) / n)
