// The version of the package, which deno.json says, too: a bundle has no deno.json beside it.

/** As deno.json has it. */
export const VERSION = "0.1.0";
