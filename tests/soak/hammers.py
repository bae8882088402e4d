"""What Python's processes of the soak do: the same as hammers.ts, parcels.ts and pool_tasks.ts, over the same shared memory. Any
of them may be killed at any instruction.

A number in shared memory that several processes add to may miss a count of Python's, which has no atomic addition: nothing
is judged by those.
"""

import os
import random
import sys
import threading
import time

import deno_multiprocessing as mp

# Seconds, as of hammers.ts.
STAY = 0.005
SHORT_WAIT = 0.1
LONG_WAIT = 20
# Of so many sections under a lock one is long enough for others to come, and for a death.
LINGER_ONE_IN = 64
LINGER = 0.0005
# As of books.ts, permits.ts, ledger.ts, and parcels.ts.
TOLD = ["OwnerDiedError", "WorkerLostError", "BrokenBarrierError"]
NICE = 5
NONE, UNSURE, HELD = 0, 1, 2
INSIDE, TOTAL, REPAIRS, DEATHS, FIRST_SEAT = 0, 1, 2, 3, 4
HEAD = 12
BURST = 8


class Clerk:
    """Writes for one seat."""

    def __init__(self, books, seat):
        self.books = books
        self.seat = seat
        self.row = 0
        self.width = len(books["counts"]) // len(books["rows"])
        os.nice(NICE)

    def at(self, row):
        self.row = row
        self.books["places"][self.seat] = row

    def done(self):
        self.books["counts"][self.row * self.width] += 1
        self.lives()

    def lives(self):
        self.books["beats"][self.seat] += 1

    def told(self, name):
        self.books["counts"][self.row * self.width + 1 + TOLD.index(name)] += 1

    def fault(self, what):
        self.books["faults"][0] += 1
        row = self.books["rows"][self.row]
        print(f"fault: {row}, seat {self.seat}, Python process {os.getpid()}: {what}", file=sys.stderr, flush=True)


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Ledger:
    """The counts under one lock, as of ledger.ts."""

    def __init__(self, words, fault, total=None):
        self.words = words
        self.fault = fault
        self.other = total

    @property
    def total(self):
        return self.words[TOTAL] if self.other is None else self.other[0]

    @total.setter
    def total(self, value):
        if self.other is None:
            self.words[TOTAL] = value
        else:
            self.other[0] = value

    @property
    def missing(self):
        return sum(self.words[FIRST_SEAT:]) - self.total

    def note_death(self):
        self.words[DEATHS] += 1

    def settle(self):
        inside = int(self.words[INSIDE])
        if inside == 0:
            if self.missing != 0:
                self.fault(f"{self.missing} counts are missing though nobody died inside")
            return
        if is_running(inside):
            self.fault(f"process {inside} is inside, too")
        missing = self.missing
        if missing == 1:
            self.total += 1
            self.words[REPAIRS] += 1
        elif missing != 0:
            self.fault(f"{missing} counts are missing after one death inside")
        self.words[INSIDE] = 0

    def count(self, seat):
        self.words[INSIDE] = os.getpid()
        self.words[FIRST_SEAT + seat] += 1
        if random.randrange(LINGER_ONE_IN) == 0:
            time.sleep(LINGER)
        self.total += 1
        inside = int(self.words[INSIDE])
        self.words[INSIDE] = 0
        if inside != os.getpid():
            self.fault(f"process {inside} came inside")


class Visitor:
    """Does to each primitive what it is for."""

    def __init__(self, rig, clerk, seat, path):
        self.rig = rig
        self.clerk = clerk
        self.seat = seat
        self.random = random.Random(path)
        names = ["Lock", "RLock", "made", "taken", "Value", "Array"]
        totals = {"Value": ValueTotal(rig["value"]), "Array": rig["array"]}
        self.ledgers = {
            name: Ledger(words, lambda what, name=name: clerk.fault(f"{name}: {what}"), totals.get(name))
            for name, words in zip(names, rig["ledgers"])
        }

    def acquired(self, lock, ledger):
        """Acquires until nobody who held it is found dead."""
        while True:
            try:
                lock.acquire()
                return
            except mp.OwnerDiedError:
                ledger.note_death()
                self.clerk.told("OwnerDiedError")

    def counted(self, lock, name):
        ledger = self.ledgers[name]
        self.acquired(lock, ledger)
        with lock:
            ledger.settle()
            ledger.count(self.seat)
        lock.release()

    def lock(self):
        ledger = self.ledgers["Lock"]
        self.acquired(self.rig["lock"], ledger)
        ledger.settle()
        ledger.count(self.seat)
        self.rig["lock"].release()

    def rlock(self):
        self.counted(self.rig["rlock"], "RLock")

    def value(self):
        self.counted(self.rig["value"].get_lock(), "Value")

    def array(self):
        self.counted(self.rig["array"].get_lock(), "Array")

    def permit(self, permits):
        held, seat = permits["held"], self.seat
        held[seat] = UNSURE
        if not permits["semaphore"].acquire(timeout=SHORT_WAIT):
            held[seat] = NONE
            permits["dry"][0] += 1
            return
        held[seat] = HELD
        held[seat] = UNSURE
        try:
            permits["semaphore"].release()
        except ValueError:
            permits["tooMany"][0] += 1
        held[seat] = NONE

    def semaphore(self):
        self.permit(self.rig["semaphore"])

    def bounded_semaphore(self):
        self.permit(self.rig["bounded"])

    def condition(self):
        condition = self.rig["condition"]
        made, taken = self.ledgers["made"], self.ledgers["taken"]
        self.acquired(condition, made)
        try:
            made.settle()
            taken.settle()
            if self.random.random() < 0.5:
                made.count(self.seat)
                condition.notify()
                return
            until = time.monotonic() + SHORT_WAIT
            while made.total == taken.total:
                left = until - time.monotonic()
                if left <= 0:
                    return
                try:
                    condition.wait(left)
                except mp.OwnerDiedError:  # and the lock is held again
                    self.clerk.told("OwnerDiedError")
                    made.note_death()
                made.settle()
                taken.settle()
            taken.count(self.seat)
        finally:
            condition.release()

    def event(self):
        event = self.rig["event"]
        choice = self.random.randrange(4)
        if choice == 0:
            event.set()
        elif choice == 1:
            event.clear()
        elif not event.wait(LONG_WAIT):
            self.clerk.fault(f"was not seen set for {LONG_WAIT} s")

    def barrier(self):
        barrier = self.rig["barrier"]
        try:
            self.rig["arrivals"][2 * self.seat + barrier.wait()] += 1
        except threading.BrokenBarrierError:
            self.clerk.told("BrokenBarrierError")
            if barrier.broken:
                barrier.reset()

    def visits(self):
        return [
            self.lock,
            self.rlock,
            self.semaphore,
            self.bounded_semaphore,
            self.condition,
            self.event,
            self.barrier,
            self.value,
            self.array,
        ]


class ValueTotal:
    """A Value as a list of one number."""

    def __init__(self, value):
        self.of = value

    def __getitem__(self, index):
        return self.of.value

    def __setitem__(self, index, value):
        self.of.value = value


def hammer(rig, books, seat, path):
    """The process at a seat: visits the primitives until the end, or its own."""
    clerk = Clerk(books, seat)
    visits = Visitor(rig, clerk, seat, path).visits()
    turn = seat
    while rig["end"][0] == 0:
        clerk.at(turn % len(visits))
        until = time.monotonic() + STAY
        while time.monotonic() < until and rig["end"][0] == 0:
            visits[turn % len(visits)]()
            clerk.done()
        time.sleep(STAY)  # others are to have some of the processor
        turn += 1


def checksum(data):
    """Of bytes, as of bytes.ts: it changes with every bit."""
    view = memoryview(data).cast("B")
    size = len(view)
    whole = size // 4 * 4
    result = size & 0xFFFFFFFF
    for word in memoryview(bytes(view[:whole])).cast("I"):
        result = (result ^ word) * 16777619 & 0xFFFFFFFF
    for byte in view[whole:]:
        result = (result ^ byte) * 16777619 & 0xFFFFFFFF
    return result


def parcel(producer, number, largest, chance):
    size = int(chance.random() ** 2 * chance.choice([256, 4096, largest]))
    payload = chance.randbytes(size)
    if chance.random() < 0.5:
        if chance.random() < 0.25:
            shared = mp.RawArray("B", size + 1)
            memoryview(shared).cast("B")[:size] = payload
            payload = shared
        return {"producer": producer, "number": number, "sum": checksum(payload), "payload": payload}
    message = bytearray(HEAD + size)
    message[HEAD:] = payload
    for at, word in enumerate((producer, number, checksum(payload))):
        message[4 * at : 4 * at + 4] = word.to_bytes(4, "little")
    return bytes(message)


def opened(message):
    """The producer, the number, and whether the message is whole."""
    if isinstance(message, dict):
        return message["producer"], message["number"], checksum(message["payload"]) == message["sum"]
    head = [int.from_bytes(message[at : at + 4], "little") for at in (0, 4, 8)]
    return head[0], head[1], checksum(message[HEAD:]) == head[2]


def produce(rig, books, seat, producer, path):
    """Puts messages until it is told to end."""
    clerk = Clerk(books, seat)
    chance = random.Random(path)
    queue = rig["queue"]
    most_each = len(rig["received"]) // len(rig["begun"])
    for number in range(most_each):
        if rig["end"][0] != 0:
            return
        message = parcel(producer, number, rig["largest"], chance)
        rig["begun"][producer] = number + 1
        queue.put(message)
        rig["done"][producer] = number + 1
        clerk.done()
        if number % BURST == 0:
            time.sleep(0.001)  # others are to have some of the processor


def consume(rig, books, seat, path):
    """Takes and checks messages until the queue is shut down and drained."""
    clerk = Clerk(books, seat)
    most_each = len(rig["received"]) // len(rig["begun"])
    last = {}
    while True:
        try:
            message = rig["queue"].get()
        except mp.ShutDown:
            return
        producer, number, is_whole = opened(message)
        at = producer * most_each + number
        if not is_whole:
            clerk.fault(f"message {number} of producer {producer} is torn")
        elif rig["received"][at] > 0:
            clerk.fault(f"message {number} of producer {producer} is doubled")
        else:
            rig["received"][at] += 1
        if number <= last.get(producer, -1):
            clerk.fault(f"message {number} of producer {producer} is reordered: {last[producer]} came before it")
        last[producer] = number
        clerk.done()


begun = None


def keep(words):
    """The initializer of a pool."""
    global begun
    begun = words


def square(item):
    """Squares after having been busy."""
    x, ms, slot = item
    begun[slot] += 1
    until = time.monotonic() + ms / 1000
    while time.monotonic() < until:
        pass
    return x * x
