// What in a server's thread needs the event loop, besides calls: while there is something, the server blocks no more.

let needs = 0;

/** Whether something needs the event loop. */
export function needsEventLoop(): boolean {
  return needs > 0;
}

/** Keeps the server from blocking until the promise is settled. */
export function whileUnderWay(promise: PromiseLike<unknown>): void {
  needs++;
  const end = () => void needs--;
  promise.then(end, end);
}

/** The same items; while they are not at their end, the server does not block. */
export async function* whileIterated<T>(items: AsyncIterable<T>): AsyncGenerator<T, void, unknown> {
  needs++;
  try {
    yield* items;
  } finally {
    needs--;
  }
}
