#!/usr/bin/env node
// The package's command, as `npx` and the links of npm run it: by Node.js, which has Deno do the work. Deno runs this, too.

if (globalThis.Deno !== undefined) {
  const { main } = await import("./cli.js");
  Deno.exit(await main(Deno.args));
}

const { spawnSync } = await import("node:child_process");
const { fileURLToPath } = await import("node:url");
const { default: process } = await import("node:process");

const program = fileURLToPath(new URL("cli.js", import.meta.url));
const ended = spawnSync("deno", ["run", "-A", program, ...process.argv.slice(2)], { stdio: "inherit" });
if (ended.error !== undefined) {
  const reason = ended.error.code === "ENOENT" ? "there is no Deno in PATH" : ended.error.message;
  console.error(`Cannot run multiprocessing: ${reason}; it needs Deno 2.9.5 or later, see https://deno.com`);
}
// One that a signal has ended ends this by the same signal.
if (ended.signal) process.kill(process.pid, ended.signal);
process.exit(ended.status ?? 1);
