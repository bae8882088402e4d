"""Process: start and join one that runs an empty function, with the pauses of the Deno side between two."""

import multiprocessing
import sys
import time

from start_line import iterations, report, variant

PAUSES = {"spawn": 0, "forkserver": 0.3, "forkserver at once": 0}


def nothing():
    pass


def start_and_join(n, kind):
    """Seconds that it takes, without the pauses."""
    context = multiprocessing.get_context(kind.split(" ")[0])
    elapsed = 0
    for _ in range(n):
        time.sleep(PAUSES[kind])
        begin = time.perf_counter()
        process = context.Process(target=nothing)
        process.start()
        process.join()
        elapsed += time.perf_counter() - begin
        if process.exitcode != 0:
            sys.exit(f"Cannot measure: {process.name} ended with {process.exitcode}")
    return elapsed


if __name__ == "__main__":
    n = iterations()
    start_and_join(2, variant())
    report("process_start", start_and_join(n, variant()) * 1e9 / n)
