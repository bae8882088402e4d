// What a URL of an engine looks like: all that a program needs to know that has no engine. The rest is in address.ts.

/** The URL of an engine, as a type: what has `://` in it. */
export type EngineUrl = `${"redis" | "valkey"}${string}://${string}`;

/** Whether a text is meant to be the URL of an engine, and not the name of a start method. */
export function isEngineUrl(text: unknown): text is EngineUrl {
  return typeof text === "string" && text.includes("://");
}
