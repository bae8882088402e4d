// Names that a module can export without quotes.

/** Whether it is a name of ASCII letters, digits, `_` and `$`. Others exist, but are not looked for in sources. */
export function isIdentifier(name: unknown): name is string {
  return typeof name === "string" && /^[\w$]+$/.test(name);
}
