// The format of the values of a connection.

import { inOneLine } from "../runtime/harmless.ts";
import { offeredSerializer, type Serializer } from "../runtime/serializers.ts";
import { withUsersFrames } from "../runtime/stack.ts";

/** A format of values: this package's own, which carries most; or pickles, which Python's `send` and `recv` speak. */
export type SerializerName = "reduction" | "pickle";

/**
 * The format of that name; `null` for this package's own.
 *
 * @param action What is to be done, for the message: "listen".
 * @throws {TypeError} If there is none such, or it is pickle and nobody has imported that.
 */
export function serializerOf(action: string, name: SerializerName | undefined): Serializer | null {
  if (name === undefined || name === "reduction") return null;
  if (name !== "pickle") {
    throw withUsersFrames(
      new TypeError(`Cannot ${action}: "serializer" is ${inOneLine(name)}, wanted "reduction" or "pickle"`),
    );
  }
  const serializer = offeredSerializer(name);
  if (serializer !== undefined) return serializer;
  throw withUsersFrames(
    new TypeError(`Cannot ${action}: "serializer" is "pickle", and ./pickle of this package is not imported`),
  );
}
