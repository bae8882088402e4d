// What the TypeScript and the addon must agree about. native/addon/build.rs reads both texts here, in this order, and gives
// them to the addon; `deno run -A tools/interface.ts` writes them.

/**
 * The name of the interface between this code and the addon: a hash of its declarations on both sides, in
 * native/addon/src, binding.ts and numbers.ts.
 */
export const INTERFACE = "039b6d4f124a5c42";

/** The version of the package: that of deno.json. */
export const VERSION = "0.1.0";
