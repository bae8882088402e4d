// The signals that ask an agent to end.

const SIGNALS: readonly Deno.Signal[] = ["SIGTERM", "SIGINT"];

/** Calls `stop` for each signal that asks to end, until disposed. */
export function listenForSignals(stop: () => void): Disposable {
  for (const signal of SIGNALS) Deno.addSignalListener(signal, stop);
  return {
    [Symbol.dispose]: () => {
      for (const signal of SIGNALS) Deno.removeSignalListener(signal, stop);
    },
  };
}
