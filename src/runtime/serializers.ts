// Which formats the values of a connection may have besides this package's own. What knows a format offers it when it is
// imported: a program that uses none of them loads none.

/** Values to bytes and back. */
export interface Serializer {
  /** The bytes of a value. */
  dumps(value: unknown): Uint8Array;
  /** The value of bytes, which it neither keeps nor shows. */
  loads(bytes: Uint8Array): unknown;
  /** Loads what managers need to speak with others in this format. */
  managers(): Promise<unknown>;
}

const offered = new Map<string, Serializer>();

/** Offers a format by its name. */
export function offerSerializer(name: string, serializer: Serializer): void {
  offered.set(name, serializer);
}

/** The format of that name, if somebody has offered it. */
export function offeredSerializer(name: string): Serializer | undefined {
  return offered.get(name);
}
