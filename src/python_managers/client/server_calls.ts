// What a manager asks its server itself for, in Python's words.

import { RemoteError } from "../../errors.ts";
import type { WaitOptions } from "../../waiting/options.ts";
import { Asked } from "../wire.ts";
import type { Ask } from "./ask.ts";
import type { PythonServerLine, ServerCall } from "./line.ts";
import { argumentsOf } from "./types/create.ts";

/** Asks for it. */
export async function own(
  line: PythonServerLine,
  asked: string,
  args: readonly unknown[],
  options?: WaitOptions,
): Promise<unknown> {
  switch (asked) {
    case "create": {
      const [typeid, given = [], container] = args as [string, (readonly unknown[])?, { freeze?: boolean }?];
      const call = making(typeid, line.isBuiltIn(typeid), given);
      return await line.create(typeid, call, { ...options, isFrozen: container?.freeze === true });
    }
    case "numberOfObjects":
      return await line.ask({ name: Asked.count, args: [] }, options);
    case "debugInfo":
      return await line.ask({ name: Asked.debugInfo, args: [] }, options);
    case "trackSegment":
      return await line.ask({ name: Asked.track, args: args.slice(0, 1) }, options);
  }
  throw new RemoteError(
    `Cannot ask the manager's server ${line.server} for "${asked}": it is Python's, which has no such`,
  );
}

function* making(typeid: string, isBuiltIn: boolean, given: readonly unknown[]): Generator<Ask, ServerCall, unknown> {
  const { args, kwargs } = yield* argumentsOf(typeid, isBuiltIn, given);
  return { name: Asked.create, args: [typeid, ...args], kwargs };
}
