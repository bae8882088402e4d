// An engine that is spoken to by TLS: its certificate is checked, and what is wrong is said without the password.

import { assertEquals, assertThrows } from "@std/assert";
import { EngineUnavailableError, ProcessError } from "../../mod.ts";
import type { Session } from "../../src/engine/session.ts";
import { type Engine, engineTest, freePort } from "../support/engine.ts";
import { until } from "../support/helpers.ts";
import { rootOf } from "../support/sessions.ts";

function openssl(folder: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command("openssl", { args, cwd: folder }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}

const lack = (() => {
  try {
    const { success } = new Deno.Command("openssl", { args: ["version"], stdout: "null" }).outputSync();
    const server = new TextDecoder().decode(
      new Deno.Command("ldd", { args: ["/usr/bin/redis-server"] }).outputSync().stdout,
    );
    return success && server.includes("libssl") ? null : "redis-server has no TLS here";
  } catch {
    return "openssl or redis-server is not installed";
  }
})();

/** An authority, and a certificate of it for localhost and its address. */
function makeCertificates(folder: string): void {
  const key = ["-newkey", "rsa:2048", "-nodes"];
  const authority = ["-subj", "/CN=authority", "-addext", "basicConstraints=critical,CA:TRUE"];
  openssl(folder, "req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", ...authority);
  openssl(folder, "req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
  Deno.writeTextFileSync(
    `${folder}/extensions`,
    "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
  );
  const signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "extensions"];
  openssl(folder, "x509", "-req", "-in", "server.csr", "-out", "server.pem", "-days", "2", ...signer);
}

/** Has the engine use such, which it finds in the folder. */
async function useCertificates(engine: Engine, folder: string): Promise<void> {
  makeCertificates(folder);
  const files = { "tls-cert-file": "server.pem", "tls-key-file": "server.key", "tls-ca-cert-file": "ca.pem" };
  const directives = Object.entries(files).flatMap(([name, file]) => [name, `${folder}/${file}`]);
  await engine.command("CONFIG", "SET", ...directives, "tls-auth-clients", "no");
}

function open(url: string): Session {
  return rootOf({ url }, { shown: "the engine" });
}

/** Has it listen at a port for TLS. Somebody else may take a port that was free, until it does. */
async function listenByTls(engine: Engine): Promise<number> {
  for (let tries = 0;; tries++) {
    const port = freePort("127.0.0.1");
    try {
      await engine.command("CONFIG", "SET", "tls-port", port);
      return port;
    } catch (error) {
      if (tries === 3) throw error;
    }
  }
}

engineTest("an engine is spoken to by TLS, with a certificate that is checked", async (engine) => {
  const folder = Deno.makeTempDirSync({ prefix: "mp-engine-tls-" });
  try {
    await useCertificates(engine, folder);
    const port = await listenByTls(engine);
    await engine.command("CONFIG", "SET", "requirepass", "se cret");
    const at = (password: string, query: string) => `rediss://:${password}@localhost:${port}${query}`;
    const ca = `?ca=${folder}/ca.pem`;
    const refusals = [
      assertThrows(() => open(at("se%20cret", "")), EngineUnavailableError, "certificate"),
      assertThrows(() => open(at("wr%20ong", ca)), EngineUnavailableError, "authentication failed"),
      assertThrows(() => open(at("se%20cret", "?ca=/nowhere.pem")), ProcessError, `"/nowhere.pem" cannot be read`),
    ];
    assertEquals(refusals.filter(({ message }) => /se.*cret|wr.*ong/.test(message)), []);
    const session = open(at("se%20cret", ca));
    assertEquals(session.step("make", "event", "").number(0), 1);
    assertEquals((await session.send("make", "event", "")).number(0), 2);
    session.close();
    await engine.command("CONFIG", "SET", "requirepass", "");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}, { leftOut: lack });

engineTest("a cluster is spoken to by TLS, at the name by which it knows its servers", async (engine) => {
  const folder = Deno.makeTempDirSync({ prefix: "mp-engine-tls-" });
  try {
    await useCertificates(engine, folder);
    const port = await listenByTls(engine);
    const names = ["cluster-announce-hostname", "localhost", "cluster-preferred-endpoint-type", "hostname"];
    await engine.command("CONFIG", "SET", "tls-cluster", "yes");
    await engine.command("CONFIG", "SET", "cluster-announce-tls-port", port, ...names);
    await engine.command("CLUSTER", "ADDSLOTSRANGE", 0, 16_383);
    await until("the cluster", async () => /cluster_state:ok/.test(await engine.command("CLUSTER", "INFO") as string));
    const session = open(`rediss+cluster://127.0.0.1:${port}?ca=${folder}/ca.pem`);
    assertEquals(session.step("make", "event", "").number(0), 1);
    session.close();
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}, { leftOut: lack, config: { "cluster-enabled": "yes", "cluster-port": `${freePort("127.0.0.1")}` } });
