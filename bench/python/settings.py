"""CPython's side of a setting that a user measures: the twins of bench/settings/*.ts.

usage: settings.py SUBJECT SETTING_AS_JSON
"""

import json
import sys
import time

from start_line import StartLine, spawn


def tell(operations, seconds):
    print(json.dumps({"operations": operations, "seconds": seconds}))


def stretch_for(size):
    return 1 if size >= 65_536 else 64


def repeat_for(seconds, stretch, once):
    start = now = time.perf_counter()
    end, operations = start + seconds, 0
    while now < end:
        for _ in range(stretch):
            once()
        operations += stretch
        now = time.perf_counter()
    return operations, now - start


def warm_up_for(seconds):
    return max(0.1, seconds / 5)


class Meter:
    """Counts what arrives, but for what arrives during the warm-up."""

    def __init__(self, size, seconds):
        self._stretch, self._warm = stretch_for(size), time.perf_counter() + warm_up_for(seconds)
        self._start = self._last = self._seen = self.operations = 0

    def hit(self):
        self._seen += 1
        if self._seen % self._stretch:
            return
        self._last = time.perf_counter()
        if self._start:
            self.operations += self._stretch
        elif self._last >= self._warm:
            self._start = self._last

    @property
    def seconds(self):
        return self._last - self._start


def begin(target, lanes, *args):
    line = StartLine(lanes)
    processes = [spawn.Process(target=target, args=(line, lane, *args)) for lane in range(lanes)]
    for process in processes:
        process.start()
    return line, processes


def finish(processes):
    for process in processes:
        process.join()
        if process.exitcode != 0:
            sys.exit(f"Cannot measure: {process.name} ended with {process.exitcode}")


def lap(line, lane, counts, seconds, stretch, once):
    """One lane: once is warmed up, then done until the time is over."""
    repeat_for(warm_up_for(seconds), stretch, once)
    line.line_up(lane)
    counts[lane], line.elapsed[lane] = repeat_for(seconds, stretch, once)


def sum_of_laps(target, lanes, *args):
    counts = spawn.RawArray("d", lanes)
    line, processes = begin(target, lanes, counts, *args)
    finish(processes)
    tell(sum(counts), max(line.elapsed))


def compute(steps):
    x = 1
    for _ in range(steps):
        x = (x * 1_103_515_245 + 12_345) & 0x7FFFFFFF
    return x


def queue_end(line, lane, queue, setting, counts):
    size, seconds = setting["size"], setting["seconds"]
    message, stretch = b"k" * size, stretch_for(size)
    line.line_up(lane)
    if lane < setting["producers"]:
        repeat_for(warm_up_for(seconds) + seconds, stretch, lambda: queue.put(message))
        return
    meter = Meter(size, seconds)
    while (got := queue.get()) is not None:
        assert len(got) == size
        meter.hit()
    counts[lane], line.elapsed[lane] = meter.operations, meter.seconds


def queue(setting):
    producers, consumers, maxsize = setting["producers"], setting["consumers"], setting["maxsize"]
    messages = spawn.Queue(maxsize or max(2, min(10_000, 2**26 // max(1, setting["size"]))))
    counts = spawn.RawArray("d", producers + consumers)
    line, processes = begin(queue_end, producers + consumers, messages, setting, counts)
    finish(processes[:producers])
    for _ in range(consumers):
        messages.put(None)
    finish(processes[producers:])
    tell(sum(counts[producers:]), max(line.elapsed[producers:]))


def connection_side(line, lane, ends, setting, count):
    size, seconds, echo = setting["size"], setting["seconds"], setting["way"] == "ping-pong"
    end, message = ends[lane], b"k" * size

    def once():
        end.send_bytes(message)
        if echo:
            end.recv_bytes()

    line.line_up(lane)
    if lane == 0:
        repeat_for(warm_up_for(seconds) + seconds, stretch_for(size), once)
        end.send_bytes(b"")
        return
    meter = Meter(size, seconds)
    while got := end.recv_bytes():
        if echo:
            end.send_bytes(got)
        meter.hit()
    count[0], line.elapsed[lane] = meter.operations, meter.seconds


def connection(setting):
    count = spawn.RawArray("d", 1)
    line, processes = begin(connection_side, 2, spawn.Pipe(), setting, count)
    finish(processes)
    tell(count[0], line.elapsed[1])


def contender(line, lane, counts, a_lock, hold, seconds):
    def once():
        a_lock.acquire()
        if hold:
            compute(hold)
        a_lock.release()

    lap(line, lane, counts, seconds, 64, once)


def lock(setting):
    kinds = {"Lock": spawn.Lock, "RLock": spawn.RLock, "Semaphore": lambda: spawn.Semaphore(1)}
    sum_of_laps(contender, setting["processes"], kinds[setting["kind"]](), setting["hold"], setting["seconds"])


def task(work, payload):
    compute(work)
    return payload


def item(argument):
    return task(*argument)


def pool_calls(workers, setting):
    payload = b"k" * setting["size"] if setting["size"] else 1
    argument, items = (setting["work"], payload), setting["items"]
    if setting["call"] == "apply":
        return lambda: [it.get() for it in [workers.apply_async(task, argument) for _ in range(items)]]
    chunksize = setting["chunksize"]
    if setting["call"] == "map":
        return lambda: workers.map(item, [argument] * items, chunksize or None)
    method = workers.imap if setting["call"] == "imap" else workers.imap_unordered
    return lambda: [None for _ in method(item, [argument] * items, chunksize or 1)]


def pool(setting):
    with spawn.Pool(setting["workers"]) as workers:
        workers.map(item, [(setting["work"], 1)] * 4 * setting["workers"], 1)
        once = pool_calls(workers, setting)
        repeat_for(warm_up_for(setting["seconds"]), 1, once)
        operations, seconds = repeat_for(setting["seconds"], 1, once)
        tell(operations * setting["items"], seconds)


def nothing():
    pass


def process(setting):
    context = spawn.get_context(setting["method"])

    def once():
        processes = [context.Process(target=nothing) for _ in range(setting["together"])]
        for it in processes:
            it.start()
        finish(processes)

    repeat_for(warm_up_for(setting["seconds"]), 1, once)
    operations, seconds = repeat_for(setting["seconds"], 1, once)
    tell(operations * setting["together"], seconds)


def client(line, lane, counts, table, setting):
    value = b"k" * setting["size"] if setting["size"] else 1

    def put():
        table["key"] = value

    put()
    lap(line, lane, counts, setting["seconds"], 1, put if setting["call"] == "set" else lambda: table["key"])


def manager(setting):
    with spawn.Manager() as server:
        sum_of_laps(client, setting["clients"], server.dict(), setting)


def worker(line, lane, counts, array, setting):
    numbers = memoryview(array).cast("B").cast("d")
    length = len(numbers) // setting["processes"]
    part = numbers[lane * length : (lane + 1) * length]
    source = memoryview(bytes(part.nbytes)).cast("d")

    def copy():
        part[:] = source

    lap(line, lane, counts, setting["seconds"], 1, copy if setting["way"] == "copy" else lambda: sum(part))


def shared(setting):
    array = spawn.RawArray("d", setting["size"] // 8)
    sum_of_laps(worker, setting["processes"], array, setting)


if __name__ == "__main__":
    globals()[sys.argv[1]](json.loads(sys.argv[2]))
