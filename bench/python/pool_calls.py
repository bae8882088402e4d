"""Pool of 2: apply, map, imap with chunksize 1, and 1 MiB of bytes there and back; per item."""

import sys
import time

from start_line import iterations, report, spawn, variant


def square(x):
    return x * x


def same(value):
    return value


def apply(pool, n):
    for i in range(n):
        pool.apply(square, (i,))


def map_(pool, n):
    pool.map(square, list(range(n)))


def imap(pool, n):
    for _ in pool.imap(square, range(n)):
        pass


def unordered(pool, n):
    for _ in pool.imap_unordered(square, range(n)):
        pass


MIB = b"m" * (1024 * 1024)


def bytes_(pool, n):
    for _ in pool.imap(same, (MIB for _ in range(n))):
        pass


VARIANTS = {"apply": apply, "map": map_, "imap": imap, "imapUnordered": unordered, "1MiB": bytes_}

if __name__ == "__main__":
    n, kind = iterations(), variant()
    run = VARIANTS[kind]
    with spawn.Pool(2) as pool:
        run(pool, max(1, n // 2))
        begin = time.perf_counter()
        run(pool, n)
        report(f"pool_calls {kind}", (time.perf_counter() - begin) * 1e9 / n)
