"""Pool: how long it takes to have so many workers that have run their initializer, or the first result of so many."""

import multiprocessing
import time

from start_line import iterations, report, variant


def ready(here):
    here.release()


def nothing():
    pass


if __name__ == "__main__":
    n = iterations()
    context = multiprocessing.get_context("spawn")
    here = context.Semaphore(0)
    begin = time.perf_counter()
    with context.Pool(n, ready, (here,)) as pool:
        if variant() == "first":
            pool.apply(nothing)
            elapsed = time.perf_counter() - begin
        else:
            for _ in range(n):
                here.acquire()
            elapsed = (time.perf_counter() - begin) / n
    report("pool_start", elapsed * 1e9)
