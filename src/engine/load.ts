// The engine's addon: found beside the other one, loaded and checked when the first session is opened. Programs of one
// machine have nothing of it.

import { nativeAlone, nativePath } from "../addon/load.ts";
import { openLibrary, reasonIn } from "../addon/open_library.ts";
import { advice } from "../addon/platform.ts";
import { EngineUnavailableError, FencedError, InvalidStateError, ProcessError, StateLostError } from "../errors.ts";
import { ENGINE_INTERFACE } from "./interface.ts";
import type { EngineNative } from "./native.ts";

let loaded: EngineNative | undefined;

/** The engine's addon. */
export function engineNative(): EngineNative {
  return loaded ??= load();
}

/** Where it is: beside the addon, with `_engine` at the end of its name. */
export function enginePath(): string {
  nativeAlone();
  return nativePath().replace(/(\.[^./]*)?$/, "_engine$1");
}

function load(): EngineNative {
  const path = enginePath();
  let addon: Partial<EngineNative>;
  try {
    addon = openLibrary<EngineNative>(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      throw new Deno.errors.NotCapable(
        `Cannot load the native addon for engines: permission to load it is missing; run Deno with --allow-ffi="${nativePath()},${path}"`,
      );
    }
    const reason = reasonIn(path, (error as Error).message);
    throw new Deno.errors.NotFound(
      `Cannot load the native addon for engines: tried "${path}" (${reason}); ${advice()}`,
    );
  }
  const given = addon.interface?.();
  if (given === ENGINE_INTERFACE) return addon as EngineNative;
  throw new ProcessError(
    `Cannot use the native addon "${path}": it has interface ${given}, wanted ${ENGINE_INTERFACE}; ${advice()}`,
  );
}

/** Runs a function of the addon, and throws what it throws as the error class that users know. */
export function translated<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    throw typeof code === "string" ? failureOf(code, message, error) ?? error : error;
  }
}

/** A failure that was fetched: "CODE:message". */
export function failureIn(text: string): Error {
  const colon = text.indexOf(":");
  const message = text.slice(colon + 1);
  return failureOf(text.slice(0, colon), message) ?? new ProcessError(message);
}

/** Whether a call has failed since the engine had not answered when its time was up. */
export function isOverdue(error: unknown): boolean {
  return ["OVERDUE", "UNBEGUN"].includes(codeOf(error));
}

/** Likewise, and it was not begun. */
export function isUnbegun(error: unknown): boolean {
  return codeOf(error) === "UNBEGUN";
}

/** Whether the engine has refused that one step, which is not done then: its memory is full, say. */
export function isRefused(error: unknown): boolean {
  return codeOf(error) === "REFUSED";
}

function codeOf(error: unknown): string {
  return error instanceof ProcessError ? `${(error.cause as { code?: unknown } | undefined)?.code}` : "";
}

function failureOf(code: string, message: string, cause?: unknown): Error | undefined {
  const options = cause === undefined ? undefined : { cause };
  switch (code) {
    case "UNAVAILABLE":
    case "OVERDUE":
    case "UNBEGUN":
      return new EngineUnavailableError(message, options);
    case "LOST":
      return new StateLostError(message, options);
    case "FENCED":
      return new FencedError(message, options);
    case "CLOSED":
      return new InvalidStateError(message, options);
    case "BAD_URL":
      return new TypeError(message, options);
    case "UNSUPPORTED":
      return new Deno.errors.NotSupported(message, options);
    case "REFUSED":
      return new ProcessError(message, options);
  }
}
