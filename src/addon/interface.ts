/**
 * The name of the interface between this code and the addon: a hash of its declarations on both sides, in
 * native/addon/src, binding.ts and numbers.ts. `deno run -A tools/interface.ts` writes it; native/addon/build.rs gives it
 * to the addon.
 */
export const INTERFACE = "f5e4ddcf58dacd97";
