// What the TypeScript and the engine's addon must agree about: native/engine-addon/build.rs reads it here, and
// `deno run -A tools/interface.ts` writes it.

/** The name of the interface: a hash of its declarations in native/engine-addon/src and native.ts. */
export const ENGINE_INTERFACE = "c6b348f4a793d677";
