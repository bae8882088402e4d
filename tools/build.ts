// Builds the addon and `dist/` if they are missing or older than their sources: `deno task build`.
//
// Whether they are older is told by a hash of the sources, not by times: a clone, a checkout or a copy changes times.

const ROOT = new URL("../", import.meta.url);
/** The native libraries: the addon, that of an engine, which is loaded where one is used, and that of Python processes. */
const LIBRARIES = [
  {
    package: "multiprocessing-addon",
    name: "multiprocessing",
    sources: [
      "Cargo.toml",
      "Cargo.lock",
      "native/core",
      "native/addon",
      "native/addon-common",
      "src/addon/interface.ts",
    ],
  },
  {
    package: "multiprocessing-engine-addon",
    name: "multiprocessing_engine",
    sources: [
      "Cargo.toml",
      "Cargo.lock",
      "native/engine",
      "native/engine-addon",
      "native/addon-common",
      "src/engine/interface.ts",
      "src/engine/library",
    ],
  },
  {
    package: "multiprocessing-c",
    name: "multiprocessing_c",
    sources: ["Cargo.toml", "Cargo.lock", "native/core", "native/c"],
  },
];
const DIST_STAMP = new URL("dist/sources.stamp", ROOT);
const DIST_SOURCES = [
  ...["deno.json", "mod.ts", "cli.ts", "src"],
  ...["bundle", "early", "late", "syntax", "types"].map((name) => `tools/${name}.ts`),
];

/** All files of a folder, or the file itself, in a fixed order. */
function sourceFiles(url: URL): URL[] {
  if (Deno.statSync(url).isFile) return [url];
  const folder = new URL(`${url.href}/`);
  const names = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
  return names.flatMap((name) => sourceFiles(new URL(name, folder)));
}

/** SHA-256 over the names and contents of the sources. */
async function sourceHash(sources: readonly string[]): Promise<string> {
  const parts = sources.flatMap((path) => sourceFiles(new URL(path, ROOT))).flatMap((file) => [
    new TextEncoder().encode(`\n${file.pathname.slice(ROOT.pathname.length)}\n`),
    Deno.readFileSync(file),
  ]);
  const digest = await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer());
  return new Uint8Array(digest).toHex();
}

function read(url: URL): string | undefined {
  try {
    return Deno.readTextFileSync(url);
  } catch {
    return undefined;
  }
}

function exists(url: URL): boolean {
  try {
    return Deno.statSync(url).isFile;
  } catch {
    return false;
  }
}

function fail(message: string): never {
  console.error(message);
  Deno.exit(1);
}

async function buildLibraries(): Promise<void> {
  const stale = [];
  for (const { package: name, name: file, sources } of LIBRARIES) {
    const stamp = new URL(`target/release/${file}.stamp`, ROOT);
    const hash = await sourceHash(sources);
    if (exists(new URL(`target/release/lib${file}.so`, ROOT)) && read(stamp) === hash) continue;
    stale.push({ name, stamp, hash });
  }
  if (stale.length === 0) return;
  console.error("Building the native addon (cargo build --release) …");
  const cargo = new Deno.Command("cargo", {
    args: ["build", "--release", "--locked", ...stale.flatMap(({ name }) => ["--package", name])],
    cwd: ROOT,
  });
  let built: Deno.CommandStatus;
  try {
    built = await cargo.spawn().status;
  } catch (error) {
    fail(
      `Cannot build the native addon: "cargo" did not start (${(error as Error).message}); install Rust 1.90 or later`,
    );
  }
  if (!built.success) fail(`Cannot build the native addon: cargo exited with code ${built.code}`);
  for (const { stamp, hash } of stale) Deno.writeTextFileSync(stamp, hash);
}

/** Programs run without it, too: a failure is told, and is none of the build. */
async function buildDist(): Promise<void> {
  const hash = await sourceHash(DIST_SOURCES);
  if (read(DIST_STAMP) === hash) return;
  try {
    const { bundle } = await import("./bundle.ts"); // it needs packages, which the addon does not
    await bundle();
    Deno.writeTextFileSync(DIST_STAMP, hash);
  } catch (error) {
    console.error(
      `Cannot put the modules together in "dist": ${(error as Error).message}\n` +
        "(without it import mod.ts, which makes each start of a process some 20 ms longer)",
    );
  }
}

if (import.meta.main) {
  if (Deno.build.os !== "linux") {
    fail(`Cannot build multiprocessing for "${Deno.build.os}": it supports Linux only`);
  }
  await buildLibraries();
  await buildDist();
}
