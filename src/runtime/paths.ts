// Paths as texts. What Deno's own functions say of a path depends on the directory that the process is in now; here it is
// given.

/** A path that may be relative to a directory, as an absolute one. */
export function absolutePath(path: string, directory: string): string {
  return path.startsWith("/") ? path : `${directory.replace(/\/$/, "")}/${path.replace(/^(\.\/)+/, "")}`;
}

/** An absolute path without `.`, `..` and doubled slashes. Links are not followed. */
export function withoutDots(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
