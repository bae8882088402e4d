"""Pickles, by CPython's own in C: a small object, 1000 rows, 1 MiB of float64, out and in."""

import array
import pickle

from start_line import iterations, report, time_of, variant


def row(i):
    return {
        "id": i,
        "name": f"user {i}",
        "email": f"user{i}@example.org",
        "score": i / 3,
        "active": i % 2 == 0,
        "tags": ["x", "y"],
        "count": 1000 * i,
        "note": None,
    }


VALUES = {
    "small": lambda: {"id": 17, "name": "Ada Lovelace", "ok": True, "score": 2.5, "tags": ["a", "b", "c"]},
    "rows": lambda: [row(i) for i in range(1000)],
    "floats": lambda: array.array("d", [i / 7 for i in range(2**17)]),
}

if __name__ == "__main__":
    n = iterations()
    name, way = variant().split()
    value = VALUES[name]()
    pickled = pickle.dumps(value, 5)

    def body(times):
        if way == "in":
            for _ in range(times):
                pickle.loads(pickled)
        else:
            for _ in range(times):
                pickle.dumps(value, 5)

    body(n // 10)
    report("pickles", time_of(lambda: body(n)) / n)
