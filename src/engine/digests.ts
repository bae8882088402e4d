// Digests, at the call: `start()` does not wait for promises.

import { nodeProcess } from "../runtime/node.ts";

/** Loading it takes some 20 ms, so it is loaded when the first process is started on another host. */
function cryptography(): typeof import("node:crypto") {
  return nodeProcess().getBuiltinModule("node:crypto") as typeof import("node:crypto");
}

/** SHA-256, as 64 hexadecimal digits. */
export function sha256(bytes: Uint8Array): string {
  return cryptography().createHash("sha256").update(bytes).digest("hex");
}

/** HMAC-SHA-256. */
export function hmac(key: Uint8Array, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(cryptography().createHmac("sha256", key).update(bytes).digest());
}

/** Whether two digests are the same, in a time that does not tell where they differ. */
export function areSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && cryptography().timingSafeEqual(a, b);
}
