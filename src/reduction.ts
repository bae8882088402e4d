/**
 * Values to bytes and back, for every message between processes: what Python's `reduction` and `copyreg` do.
 *
 * What the structured clone algorithm copies, this copies: `undefined`, `null`, booleans, numbers (with -0, NaN and
 * the infinities), bigints, strings (with lone surrogates), Date, RegExp, Map, Set, arrays (with holes, and with named
 * properties such as those of a match), plain objects, Number, String, Boolean and BigInt objects, ArrayBuffer, DataView,
 * typed arrays and errors; of this realm or of another, as `node:vm` makes them; with cycles, and with an object that
 * occurs twice arriving as one. Beyond it: instances of classes given to {@linkcode register}, `URL`, and views of shared
 * memory, which arrive as views of the same memory.
 *
 * Functions, symbols and objects whose state is inside the runtime (Promise, WeakMap, iterators, streams, Request …) are
 * refused with a TypeError that says where they stand, and so are instances that would arrive as `{}`, because all they
 * have is private. Objects that belong to one process are refused, too: Process, Pool, Listener and the like.
 *
 * As with structured clone, an instance of a class that is not registered arrives as a plain object of its own
 * enumerable properties, and an instance of a class that extends Array, Map, Set or a typed array arrives as that.
 * Unlike there, a view travels with its own bytes only, not with its whole buffer: two views of one buffer arrive with
 * a buffer each. What an object says of itself changes nothing, a `length` or `valueOf` of its own, say: what it holds
 * inside travels. And an error keeps its class as far as the receiver can know it, its own properties but functions and
 * symbols, and the stack of the process it comes from.
 *
 * # The format
 *
 * One message is one MessagePack value; the wire's integers are big-endian.
 *
 * | value | MessagePack |
 * | --- | --- |
 * | number | the int formats from −2³¹ to 2³²−1, otherwise float64 (also −0) |
 * | bigint | int64 or uint64; beyond them extension 3 |
 * | string | str; with lone surrogates extension 2 |
 * | plain object | map whose keys are strings; where many are of one shape, an array: extension 17 |
 * | array | array; with holes or named properties extension 8 |
 * | Uint8Array | bin, so large byte arrays cost one copy on each side |
 * | anything else | an extension, see `Extension` in reduction/format.ts; payloads of containers are MessagePack again |
 *
 * In arrays of 8 items or more, and within these, a plain object with the names of an earlier one, in the same order, is
 * an array of its shape and its values. A shape is told with the second object that has it, and has a number then.
 *
 * Objects are numbered from 0 in the order in which they start in the message, strings and bigints excepted; extension
 * 1 refers to an earlier one by its number. An instance of a registered class has its number before its data, but may
 * be referred to only after it.
 *
 * The reader trusts nothing: see reduction/decoder.ts. It is free of `eval`. Codes of the format may be added, but
 * need not stay the same between versions: both ends of a message run the same version.
 *
 * @module
 */

import "./runtime/requirement.ts";

export type { Dumped } from "./reduction/encoder.ts";
export { attach } from "./reduction/passage.ts";
export {
  type Class,
  type Reducer,
  type Refuse,
  register,
  setViewReducer,
  type ViewReducer,
} from "./reduction/registry.ts";
export { dumpInto, dumps, loads } from "./reduction/serialise.ts";
