"""The worker of pickles.ts: a pickle comes in by a UNIX socket, and one goes out."""

import sys
from multiprocessing.connection import Client

work = {"echo": lambda value: value, "increment": lambda value: value + 1}[sys.argv[1]]

with Client(sys.argv[2]) as connection:
    try:
        while True:
            connection.send(work(connection.recv()))
    except EOFError:
        pass  # it is over
