"""A program and its Python workers: a small object there and back, 1 MiB of float64 there and back, as a copy and in shared
memory, and 10 000 small tasks through a pool of 2."""

import array

from python_worker_side import echo, increment, swap
from start_line import iterations, report, spawn, time_of, variant

SMALL = {"id": 17, "name": "Ada Lovelace", "ok": True, "score": 2.5, "tags": ["a", "b", "c"]}
LENGTH = 2**17


def asked(target, question, n, *shared):
    """Nanoseconds for each of n questions that a worker answers."""
    jobs, results = spawn.Queue(), spawn.Queue()
    worker = spawn.Process(target=target, args=(jobs, results, *shared))
    worker.start()

    def body(times):
        for _ in range(times):
            jobs.put(question)
            results.get()

    body(max(1, n // 10))
    ns = time_of(lambda: body(n)) / n
    jobs.put(None)
    worker.join()
    return ns


def tasks(n):
    numbers = list(range(n))
    with spawn.Pool(2) as pool:
        pool.map(increment, numbers[: n // 10 + 2], chunksize=1)
        return time_of(lambda: pool.map(increment, numbers)) / n


VARIANTS = {
    "small": lambda n: asked(echo, SMALL, n),
    "copy": lambda n: asked(echo, array.array("d", [i / 7 for i in range(LENGTH)]), n),
    "shared": lambda n: asked(swap, 1, n, spawn.RawArray("d", [i / 7 for i in range(LENGTH)])),
    "tasks": tasks,
}

if __name__ == "__main__":
    report(f"python_workers {variant()}", VARIANTS[variant()](iterations()))
