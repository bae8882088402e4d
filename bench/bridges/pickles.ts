// Python workers that are connected by a UNIX socket, and are sent pickles: this package's Listener, and CPython's own
// multiprocessing.connection at the other end.
//
// usage: deno run -A bench/bridges/pickles.ts ITERATIONS small|copy|tasks

import { Listener } from "@parallel/multiprocessing";
import "@parallel/multiprocessing/pickle";
import { measure, type Worker } from "./work.ts";

const SCRIPT = `${import.meta.dirname}/pickles.py`;

async function start(python: string, work: string): Promise<Worker> {
  const folder = await Deno.makeTempDir();
  using listener = new Listener(`${folder}/socket`, { serializer: "pickle" });
  const args = ["-B", SCRIPT, work, `${folder}/socket`];
  const child = new Deno.Command(python, { args, stdin: "null" }).spawn();
  const connection = await listener.accept();
  await Deno.remove(folder, { recursive: true });
  return {
    ask(value) {
      if (work === "echo") {
        connection.sendSync(value);
        return connection.recvSync();
      }
      const sent = connection.send(value);
      return connection.recv().then(async (answer) => {
        await sent;
        return answer;
      });
    },
    async end() {
      connection.close();
      await child.status;
    },
  };
}

if (import.meta.main) await measure(start, (numbers) => numbers);
