// Programs made by `deno compile`: there is no `deno` to start, so the program is its own children, and the first
// argument tells it so. As CPython's frozen programs do it.

/** The first argument of a program that is to be a child. */
export const CHILD_MARKER = "--multiprocessing-child";

/** Whether this process is a program made by `deno compile`. */
export function isFrozen(): boolean {
  return Deno.build.standalone;
}

/** The command line of a child of a program made by `deno compile`, executable first. */
export function frozenArguments(execPath: string, args: readonly string[]): string[] {
  return [execPath, CHILD_MARKER, ...args];
}

/** Where `freezeSupport` is called. */
export interface FrozenProgram {
  /** The arguments of the program. */
  args: readonly string[];
  /** Does the work of a child, which has these arguments, and ends it. */
  work: (args: string[]) => Promise<void>;
}

/** Does the work of a child if the arguments say that this process is one; whether they do. */
export async function workIfChild({ args, work }: FrozenProgram): Promise<boolean> {
  if (args[0] !== CHILD_MARKER) return false;
  await work(args.slice(1));
  return true;
}
