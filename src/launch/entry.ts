// The modules that a child begins with, as `data:` URLs. native/core/src/cage/entry.rs reads their text and knows its form;
// the text is compared word for word between a process and its grandchildren.

import { ENTRY_PREFIX } from "../runtime/own_modules.ts";

/** How the URL of every boot module begins; native/core/src/cage/entry.rs has the same. */
const BOOT_PREFIX = `${ENTRY_PREFIX}-boot;base64,`;

/** How that of an entry module begins in a process with limited permissions; native/core/src/cage/entry.rs has the same. */
const CAGED_PREFIX = `${ENTRY_PREFIX}-caged;base64,`;
const FREE_PREFIX = `${ENTRY_PREFIX};base64,`;

/** What a child that is started before there is work for it does meanwhile. */
export interface AheadOfWork {
  /** URLs of the modules that it imports. */
  preload: readonly string[];
  /** The directory the root was started in. */
  initialDirectory: string;
}

/** Options of {@linkcode entryModule}. */
export interface EntryOptions {
  /** Given if there is no work for it yet. */
  ahead?: AheadOfWork;
  /** Whether it has fewer permissions than its parent. */
  isCaged?: boolean;
}

/**
 * The module a child starts with: it calls `start(loaders)` of `childMain`, where `loaders[url]()` imports
 * the module `url`; or, with `ahead`, `startAhead(loaders, ahead)`. The `import()`s are literal: Deno loads what they
 * name without read permission. native/core/src/cage/entry.rs reads this text and knows its form.
 */
export function entryModule(
  childMain: string,
  modules: readonly string[],
  { ahead, isCaged = false }: EntryOptions = {},
): string {
  const loaders = [...new Set(modules)].map((url) => `${JSON.stringify(url)}:()=>import(${JSON.stringify(url)})`);
  const [start, rest] = ahead === undefined ? ["start", ""] : ["startAhead", `,${JSON.stringify(ahead)}`];
  const source = `import{${start}}from${JSON.stringify(childMain)};await ${start}({${loaders.join()}}${rest})`;
  return (isCaged ? CAGED_PREFIX : FREE_PREFIX) + base64(source);
}

/**
 * The module that a child begins with where the parent has modules that are preloaded, which Deno runs before the entry:
 * what they do, they do in a process that is known as a child.
 */
export function bootModule(childMain: string): string {
  return BOOT_PREFIX + base64(`import{boot}from${JSON.stringify(childMain)};boot()`);
}

function base64(source: string): string {
  const bytes = new TextEncoder().encode(source);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
