// A release: what keeps it from being made, and what is published in which order.

import { assertEquals, assertThrows } from "@std/assert";
import configuration from "../../deno.json" with { type: "json" };
import { obstacles, parse, steps } from "../../tools/release.ts";

const { version } = configuration;
const PLATFORMS = ["linux-x64-gnu", "linux-arm64-gnu"];
const FILES = [...PLATFORMS.map((platform) => `-${platform}`), ""]
  .map((middle) => `parallel-multiprocessing${middle}-${version}.tgz`);

Deno.test("a release is of the version that deno.json has, that CHANGELOG.md tells of, and of all platforms", () => {
  const changelog = `# Changelog\n\n## ${version}\n`;
  assertEquals(obstacles(`v${version}`, FILES, changelog), []);
  assertEquals(obstacles("v99.0.0", FILES.slice(1), changelog.replace("## ", "## Unreleased: ")), [
    `the tag is "v99.0.0", but the version in deno.json is "${version}"`,
    `CHANGELOG.md has no heading "## ${version}"`,
    `${FILES[0]} is not in target/npm/; \`deno task package\` makes it, on its platform`,
  ]);
});

Deno.test("the packages of the platforms are published before the one that needs them, and JSR comes last", () => {
  const names = [...PLATFORMS.map((platform) => `npm:${configuration.name}-${platform}`), `npm:${configuration.name}`];
  const all = steps(false);
  assertEquals(all.map(({ name }) => name), [...names, `jsr:${configuration.name}`]);
  assertEquals(all.slice(0, 3).map(({ command }) => command.at(-1)), FILES);
  assertEquals(all.every(({ command }) => !command.includes("--dry-run")), true);
  assertEquals(steps(true).every(({ command }) => command.includes("--dry-run")), true);
});

Deno.test("a release has one tag, and a flag that nobody knows does not publish", () => {
  assertEquals(parse(["--", "v1.2.3"]), { tag: "v1.2.3", isDry: false });
  assertEquals(parse(["--dry-run", "v1.2.3"]), { tag: "v1.2.3", isDry: true });
  for (const args of [["v1.2.3", "--dryrun"], ["v1.2.3", "v1.2.4"], ["--dry-run"], ["-n", "v1.2.3"], []]) {
    assertThrows(() => parse(args), SyntaxError, "wanted one tag");
  }
});
