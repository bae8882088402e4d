// The memory of a process as the benchmark counts it.

/** The process' share (PSS) in bytes: memory that several map counts for each with its part. */
export function shareOf(pid: number | "self"): number {
  const rollup = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  return Number(rollup.match(/^Pss: +(\d+)/m)![1]) * 1024;
}

/** One JSON line: bytes per operation. */
export function reportBytes(work: string, bytes: number): void {
  console.log(JSON.stringify({ work, bytes }));
}
