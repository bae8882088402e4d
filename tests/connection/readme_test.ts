// The two programs of the README that talk to each other.

import { assertEquals } from "@std/assert";
import { Listener } from "../../src/connection.ts";
import { outputOf, until } from "../support/helpers.ts";
import { pythons } from "../support/python.ts";

const ROOT = new URL("../../", import.meta.url);
const CONFIG = new URL("deno.json", ROOT).pathname;

/** The program in this language in the README's section on Python, with another port. */
function program(language: string, port: number): string {
  const readme = Deno.readTextFileSync(new URL("README.md", ROOT));
  const section = readme.slice(readme.indexOf("## Talking to Python"));
  const [, text] = section.match(new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, "s"))!;
  return text.replaceAll("6000", String(port));
}

/** Whether somebody listens at the port. */
function isListening(port: number): boolean {
  const address = `:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`;
  return Deno.readTextFileSync("/proc/net/tcp").includes(address);
}

Deno.test({
  name: "the programs of the README's section on Python work",
  ignore: pythons.length === 0,
  async fn() {
    const free = new Listener(["127.0.0.1", 0]);
    const port = Number(free.address[1]);
    free.close();
    const folder = Deno.makeTempDirSync();
    try {
      Deno.writeTextFileSync(`${folder}/square.ts`, program("ts", port));
      const python = new Deno.Command(pythons.at(-1)!.path, { args: ["-c", program("python", port)] }).spawn();
      await until("Python listening", () => isListening(port));
      const output = await outputOf(`${folder}/square.ts`, { flags: ["-A", `--config=${CONFIG}`] });
      assertEquals(output, "144\n");
      assertEquals((await python.status).code, 0);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  },
});
