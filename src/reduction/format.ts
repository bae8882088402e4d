/**
 * The numbers of the wire format that {@link ../reduction.ts} documents, shared by the encoder and the decoder.
 *
 * @module
 */

/** MessagePack extension types, one for each kind of value that MessagePack itself cannot say. */
export const Extension = {
  /** Empty value `undefined`; one payload byte, 0. */
  Undefined: 0,
  /** An object that came earlier in the message: its number, 4 bytes. */
  Reference: 1,
  /** A string with lone surrogates: UTF-16 code units, little-endian. */
  String16: 2,
  /** A bigint beyond 64 bits: a sign byte (1 = negative), then the magnitude, most significant byte first. */
  BigInt: 3,
  /** A Date: milliseconds as float64. */
  Date: 4,
  /** A RegExp: source, flags. */
  RegExp: 5,
  /** A Map: alternating keys and values to the end of the payload. */
  Map: 6,
  /** A Set: members to the end of the payload. */
  Set: 7,
  /** An array with holes or named properties: its length, then alternating indices, or names, and values. */
  SparseArray: 8,
  /** A typed array (not Uint8Array) or a DataView: its index in `VIEWS`, then its bytes in host order. */
  View: 9,
  /** An ArrayBuffer: its bytes. */
  ArrayBuffer: 10,
  /** An Error: class name, stack, then alternating property names and values. */
  Error: 11,
  /** An instance of a registered class: the registered name, what `reduce` returned, for errors the stack. */
  Reduced: 12,
  /** A view of shared memory: what the view reducer returned. */
  SharedView: 13,
  /** An Error of a class that a module exports: the class's name, its hash, the modules, one a line; the `name` to be
   * shown where the class is not found, empty for the usual one; then as an Error. */
  ExportedError: 14,
  /** A Number, String, Boolean or BigInt object: its value. */
  Boxed: 15,
  /** A DOMException: message, name, whether it is a QuotaExceededError, then if so, its quota and what was requested;
   * stack; then alternating property names and values. */
  DOMException: 16,
  /** Only as the first item of an array, which is a plain object then: the number of its shape, one byte. Next come, if the
   * number is new, an array of the names; then the values. */
  Shape: 17,
} as const;

/** Containers nested deeper than this are refused on both sides, so that neither runs out of stack. */
export const MAX_DEPTH = 1000;

/** Constructs a view of a buffer, or of a part of one. */
export type ViewConstructor = new (buffer: ArrayBufferLike, at?: number, length?: number) => ArrayBufferView;

/** The views that travel by bytes; the place in this list is the number on the wire, so new ones go to the end. */
export const VIEWS: readonly ViewConstructor[] = [
  DataView,
  Int8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  BigInt64Array,
  BigUint64Array,
  Float32Array,
  Float64Array,
  Float16Array,
];
