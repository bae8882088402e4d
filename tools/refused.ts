// Tries the package where it cannot be used, for CI: it must be refused, and by a sentence that says what it needs.

/** Whether a message is one of those that refuse a platform, or a runtime. */
export function isRefusal(message: string): boolean {
  return /^Cannot use multiprocessing (?:on|with) [^:]+: it (?:supports|needs) /.test(message);
}

async function messageHere(): Promise<string> {
  try {
    const { Queue } = await import("../mod.ts");
    new Queue().close();
    return "It can be used here";
  } catch (error) {
    return (error as Error).message;
  }
}

if (import.meta.main) {
  const message = await messageHere();
  console.log(message);
  Deno.exit(isRefusal(message) ? 0 : 1);
}
