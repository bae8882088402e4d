/**
 * An object of which something may still come.
 *
 * @module
 */
import type { PythonName } from "./python_object.ts";
import { type Described, type Restorer, UNMAPPED } from "./restorer.ts";

/**
 * Stands on the stack and in the memo for an object that is made when all of it has come: with its state, or, if it has
 * none, when it is first used.
 */
export class Pending implements Described {
  readonly name: PythonName;
  readonly restorer: Restorer;
  readonly args: readonly unknown[];
  readonly kwargs: unknown;
  readonly isCalled: boolean;
  state: unknown = undefined;
  items: unknown[] | undefined = undefined;
  entries: [key: unknown, value: unknown][] | undefined = undefined;
  /** What was made of it; `UNMAPPED` if nothing was yet. */
  value: unknown = UNMAPPED;

  constructor(name: PythonName, restorer: Restorer, args: readonly unknown[], kwargs: unknown, isCalled: boolean) {
    this.name = name;
    this.restorer = restorer;
    this.args = args;
    this.kwargs = kwargs;
    this.isCalled = isCalled;
  }

  /** Whether something was made of it, so that nothing more may come. */
  get isMade(): boolean {
    return this.value !== UNMAPPED;
  }
}
