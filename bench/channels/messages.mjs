// The messages of the queue benchmarks, by kind. Plain JavaScript: node reads it, too.

import { SIZE, WRITES } from "./in_place.mjs";

const KIB = new Uint8Array(1024).fill(107);
const MIB = new Uint8Array(1024 * 1024).fill(109);
const ROWS = Array.from({ length: 200 }, (_, i) => ({
  id: i,
  name: `name ${i % 97}`,
  price: i * 1.25,
  active: i % 3 === 0,
  category: "tools",
  stock: i * 7 % 1000,
}));

/** @type {Readonly<Record<"int" | "object" | "rows" | "1KiB" | "1MiB", (i: number) => unknown>>} */
export const MESSAGES = {
  "int": (i) => i,
  "object": (i) => ({
    id: i,
    path: "texts/ca01.txt",
    words: 2242,
    done: false,
  }),
  "rows": () => ROWS,
  "1KiB": () => KIB,
  "1MiB": () => MIB,
};

/** @type {(kind: "pages" | "whole", i: number) => Uint8Array<ArrayBuffer>} */
function written(kind, i) {
  const bytes = new Uint8Array(SIZE);
  WRITES[kind](bytes, i);
  return bytes;
}

/**
 * Messages that are written and transferred, and read where they are.
 *
 * @type {Readonly<Record<"pages" | "whole", (i: number) => Uint8Array<ArrayBuffer>>>}
 */
export const TRANSFERRED = {
  "pages": (i) => written("pages", i),
  "whole": (i) => written("whole", i),
};
