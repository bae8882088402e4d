// What a child with limited permissions gives up before any module of the user's runs.

import type { Joined, Native } from "../addon/binding.ts";
import { nativeOfChild, nativePath } from "../addon/load.ts";
import { ProcessError } from "../errors.ts";

/** Takes the place that the parent has prepared for this process, and gives up what it may not keep. */
export function joinParent(): Joined {
  const { native, joined } = nativeOfChild();
  if (native.isCaged()) giveUpLibraries(native, nativePath());
  return joined;
}

/**
 * Gives up the permission that was there to load the addon with; it cannot come back. By way of the addon, or a raw
 * pointer, a program could call anything that the system's own libraries have.
 */
function giveUpLibraries(native: Native, path: string): void {
  if (native.mayLoadOthers(path)) {
    // Other libraries were granted by the parent, which need no cage to be gone: only what was not granted goes.
    Deno.permissions.revokeSync({ name: "ffi", path });
    return;
  }
  Deno.permissions.revokeSync({ name: "ffi" });
  for (const descriptor of [{ name: "ffi" }, { name: "ffi", path }] as const) {
    const { state } = Deno.permissions.querySync(descriptor);
    if (state === "granted") {
      throw new ProcessError(
        `Cannot limit the permissions of this process: "ffi" is "${state}" after it was revoked, wanted "prompt" or "denied"`,
      );
    }
  }
}
