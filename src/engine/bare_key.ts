// The key of a program and of its hosts, as both read it.

/** A key as all have it: without the line ends that an editor or `echo` leaves behind it. */
export function bareKey(key: Uint8Array): Uint8Array {
  return key.slice(0, key.findLastIndex((byte) => byte !== 10 && byte !== 13) + 1);
}
