// The end of a process that could not begin its work: whoever joins it is told; if nobody does, the program fails.

import { ProcessError } from "../errors.ts";
import { shownName } from "../runtime/harmless.ts";
import { withUsersFrames } from "../runtime/stack.ts";

/** Such an end. */
export class EarlyEnd {
  readonly why: string;
  #isTold = false;
  #hasSetExitCode = false;

  constructor(why: string) {
    this.why = why;
  }

  /** Makes the program fail, unless somebody has been told, or will be. */
  note(): void {
    if (this.#isTold || Deno.exitCode !== 0) return;
    Deno.exitCode = 1;
    this.#hasSetExitCode = true;
  }

  /** Tells who joins the process `name`, by throwing. */
  tell(name: string): never {
    this.#isTold = true;
    if (this.#hasSetExitCode) Deno.exitCode = 0;
    this.#hasSetExitCode = false;
    throw withUsersFrames(new ProcessError(`Cannot run "${shownName(name)}": ${this.why}`));
  }
}
