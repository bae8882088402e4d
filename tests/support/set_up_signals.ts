// What a program does before it takes all descriptors.

/** Has Deno set up its signals now. By itself it does half a second after its start, and panics if no descriptor is left. */
export function setUpSignals(): void {
  const nothing = () => {};
  Deno.addSignalListener("SIGCONT", nothing);
  Deno.removeSignalListener("SIGCONT", nothing);
}
