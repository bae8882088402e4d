"""Pool of 2: apply, one after the other and 200 at a time, map, also by a pool of 64, imap with chunksize 1, and 1 MiB of bytes
there and back; per item."""

import sys
import time

from start_line import iterations, report, spawn, variant


AT_A_TIME = 200
WORKERS = 2
# Workers of a pool that has many more of them than there are CPUs, and the items that each is to have at least.
MANY_WORKERS = 64
EACH = 1_000


def ready(here):
    here.release()


def square(x):
    return x * x


def same(value):
    return value


def apply(pool, numbers):
    for i in numbers:
        pool.apply(square, (i,))


def many(pool, numbers):
    for i in range(0, len(numbers), AT_A_TIME):
        for result in [pool.apply_async(square, (it,)) for it in numbers[i : i + AT_A_TIME]]:
            result.get()


def map_(pool, numbers):
    pool.map(square, numbers)


def imap(pool, numbers):
    for _ in pool.imap(square, numbers):
        pass


def unordered(pool, numbers):
    for _ in pool.imap_unordered(square, numbers):
        pass


MIB = b"m" * (1024 * 1024)


def bytes_(pool, numbers):
    for _ in pool.imap(same, (MIB for _ in numbers)):
        pass


VARIANTS = {
    "apply": apply,
    "many": many,
    "map": map_,
    "map by 64": map_,
    "imap": imap,
    "imapUnordered": unordered,
    "1MiB": bytes_,
}

if __name__ == "__main__":
    n, kind = iterations(), variant()
    run = VARIANTS[kind]
    numbers = list(range(n))
    workers = min(MANY_WORKERS, -(-n // EACH)) if kind == "map by 64" else WORKERS
    here = spawn.Semaphore(0)
    with spawn.Pool(workers, ready, (here,)) as pool:
        for _ in range(workers):
            here.acquire()
        run(pool, numbers[n // 2 :])
        begin = time.perf_counter()
        run(pool, numbers)
        report(f"pool_calls {kind}", (time.perf_counter() - begin) * 1e9 / n)
