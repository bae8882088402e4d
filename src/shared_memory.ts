/**
 * Shared memory that has names, after Python's `multiprocessing.shared_memory`: any program on this machine attaches to
 * it, and what Python's own classes make is the same to the byte.
 *
 * | | what |
 * | --- | --- |
 * | {@linkcode SharedMemory} | a block of bytes |
 * | {@linkcode ShareableList} | a list of numbers, texts and the like in such a block |
 * | {@linkcode SharedMemoryManager} | a manager whose blocks go when it does |
 *
 * Within one tree of processes, `RawArray` and its kin of `./sharedctypes` need no names, and are freed by themselves.
 *
 * @module
 */

import "./runtime/requirement.ts";

export { SharedMemory, type SharedMemoryOptions } from "./shared_memory/shared_memory.ts";
export { ShareableList, type ShareableListOptions } from "./shared_memory/shareable_list.ts";
export { SharedMemoryManager } from "./shared_memory/manager.ts";
export type { Shareable, Shared } from "./shared_memory/items.ts";
