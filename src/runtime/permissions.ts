// What Deno calls permissions, and how it is asked about one.

/** The name of a permission. `import` is missing from Deno's own types. */
export type PermissionName = Deno.PermissionName | "import";

/** Every permission that Deno has. */
export const PERMISSIONS: readonly PermissionName[] = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];

/** Asks for the present state of a permission. */
export type PermissionQuery = (
  descriptor: Deno.PermissionDescriptor,
) => { state: Deno.PermissionState; partial: boolean };

/** Asks Deno. */
export const queryDeno: PermissionQuery = (descriptor) => Deno.permissions.querySync(descriptor);

/** What the parts of a permission are called where Deno is asked about one; `path` if nothing else. */
const KEYS: Partial<Record<PermissionName, string>> = {
  env: "variable",
  sys: "kind",
  run: "command",
  net: "host",
  import: "host",
};

/** A permission as Deno is asked about it: all of it, or one item of its list. */
export function permission(name: PermissionName, item?: string): Deno.PermissionDescriptor {
  const part = item === undefined ? {} : { [KEYS[name] ?? "path"]: item };
  return { name, ...part } as unknown as Deno.PermissionDescriptor;
}
