"""What a Python process of a Deno program runs first: `python <this file> <the native library>`.

Any Python reads this file, whichever version the program has found: one that is too old says so here. A process that
cannot begin tells its parent why by descriptor 3, before the library is there to do that.
"""

import os
import sys

#: The folder that this package is in.
FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OLDEST = (3, 9)


def refuse(message):
    """Tells the parent why this process cannot begin, and ends it."""
    try:
        os.write(3, message.encode("utf-8", "replace"))
    except OSError:
        sys.stderr.write(message + "\n")  # it was started by hand, or the parent has ended
    sys.exit(1)


def start():
    """Runs the process."""
    if sys.version_info < OLDEST:
        refuse(
            '"%s" is Python %d.%d, wanted %d.%d or later' % ((sys.executable,) + tuple(sys.version_info[:2]) + OLDEST)
        )
    if len(sys.argv) != 2:
        sys.stderr.write("usage: started by a Deno program, as a process of its own\n")
        sys.exit(2)
    # The folder of this file, which Python has put there, has modules that would hide others.
    own = os.path.join(FOLDER, "deno_multiprocessing")
    sys.path[:] = [place for place in sys.path if place != own]
    sys.path.insert(0, FOLDER)
    from deno_multiprocessing import _boot

    del sys.path[0]
    # A process that the program starts by CPython's own means can import what its arguments are made of.
    sys.path.append(FOLDER)
    _boot.run(sys.argv[1], refuse)


if __name__ == "__main__":
    start()
