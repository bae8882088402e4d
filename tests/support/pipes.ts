// Pipes for the tests of this folder.

import { type Connection, Pipe, Queue } from "@parallel/multiprocessing";

/** Both ends of a pipe, closed at the end of the scope. */
export function openPipe(duplex = true): { a: Connection; b: Connection } & Disposable {
  const [a, b] = Pipe({ duplex });
  const close = () => [a, b].forEach((end) => end.close());
  return { a, b, [Symbol.dispose]: close };
}

/** Starts the thread that waits for descriptors, which the first need does, and which stays. */
export function startReactor(): void {
  using queue = new Queue<Connection>();
  using pipe = openPipe();
  queue.putSync(pipe.a);
  queue.getSync().close();
}
