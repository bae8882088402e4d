// Paths that are not UTF-8: on Linux a path is bytes. A byte that is not UTF-8 becomes a character of its own, among
// the last that Unicode has, as in native/core/src/sys/text.rs; the addon makes bytes of it again.

/** The character of byte 0. */
const FIRST = 0x10ff00;

/** Whether a path has bytes that are no text: Deno takes such a path neither in a flag nor in a call. */
export function hasBytes(path: string): boolean {
  return /[\u{10ff80}-\u{10ffff}]/u.test(path);
}

/** The path of a `file:` URL. */
export function pathOfUrl(url: string | URL): string {
  if (typeof url === "string" && isPlain(url)) return url.slice("file://".length);
  return new URL(url).pathname.replace(/(?:%[0-9a-f]{2})+/gi, decoded);
}

/**
 * Whether a URL has its path as it is: as nearly all have, and the first `URL` and the first regular expression would take
 * 0.3 ms of a process's start.
 */
function isPlain(url: string): boolean {
  if (!url.startsWith("file:///") || url.endsWith("/.") || url.endsWith("/..")) return false;
  if (url.startsWith("file:////") || url.includes("/./") || url.includes("/../")) return false;
  for (let at = "file://".length; at < url.length; at++) if (!isPlainCode(url.charCodeAt(at))) return false;
  return true;
}

/** Whether the code is that of a letter, a digit or one of `-./@_`. */
function isPlainCode(code: number): boolean {
  if (code < 0x40) return code >= 0x2d && code <= 0x39;
  const lower = code | 0x20;
  return code === 0x40 || code === 0x5f || lower >= 0x61 && lower <= 0x7a;
}

/** The text of bytes in percent notation: the longest beginning that is a character, then the rest. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Some of it is no UTF-8.
  }
  let result = "";
  for (let at = 0; at < text.length;) {
    const lengths = [4, 3, 2, 1].filter((bytes) => at + 3 * bytes <= text.length);
    const length = lengths.find((bytes) => isCharacter(text.slice(at, at + 3 * bytes)));
    result += length === undefined
      ? String.fromCodePoint(FIRST + Number.parseInt(text.slice(at + 1, at + 3), 16))
      : decodeURIComponent(text.slice(at, at + 3 * length));
    at += 3 * (length ?? 1);
  }
  return result;
}

function isCharacter(text: string): boolean {
  try {
    return [...decodeURIComponent(text)].length === 1;
  } catch {
    return false;
  }
}
