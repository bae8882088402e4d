"""Numbers of the messages between a pool and its workers, as src/pool/messages.ts has them.

A test compares them with that file. What each means is told there.
"""


class Kind:
    """What a frame is."""

    task = 1
    stop = 2
    ready = 3
    startFailed = 4
    done = 5
    failed = 6
    mixed = 7
    function = 8
    call = 9
    begun = 10
    finalizing = 11
    room = 12
    giveUp = 13
    report = 14


class Flag:
    """How the list of a task is to be read."""

    each = 1
    star = 2
    lenient = 4
    timed = 8
    heard = 16
    named = 32
    left = 128


class Cell:
    """Places of the words that a pool and one worker share."""

    mode = 0
    memory = 1
    asks = 2
    heard = 3
    awaited = 4
    slots = 5


class Slot:
    """Places of the words of a task, from the first of them on."""

    begun = 0
    cancelled = 1
    reason = 2
    items = 3
    words = 4


class Mode:
    """What a worker does between its tasks."""

    away = 0
    searching = 1
    resting = 2
    asleep = 3
    called = 4
    running = 5
    lingering = 6


class CancelReason:
    """Why a task is not wanted any more."""

    aborted = 0
    timedOut = 1
