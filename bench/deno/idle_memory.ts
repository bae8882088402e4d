// Floor of an idle child: the share of memory of a Deno process that waits for a line of its input, in bytes.

import { reportBytes, shareOf } from "./memory_share.ts";

if (import.meta.main) {
  const code = "await Deno.stdout.write(new Uint8Array([1])); await Deno.stdin.read(new Uint8Array(1));";
  const args = ["eval", code];
  const child = new Deno.Command(Deno.execPath(), { args, stdin: "piped", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  reportBytes("idle_memory", shareOf(child.pid));
  reader.releaseLock();
  await child.stdout.cancel();
  await child.stdin.close();
  await child.status;
}
