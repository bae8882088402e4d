// A client of the soak's manager with a tree of its own.
//
// usage: deno run -A tests/soak/remote_user.ts ADDRESS SEAT PATH (of the generator)

import { DeskManager, type DeskProxy, KEY, untilGone, use } from "./desk.ts";
import { Random } from "./random.ts";

if (import.meta.main) {
  const [address, seat, path] = Deno.args;
  const manager = new DeskManager({ address: JSON.parse(address), authkey: KEY });
  await untilGone(async () => {
    await manager.connect();
    const desk = await manager.create("sharedDesk") as DeskProxy;
    const [entries, lock] = await Promise.all([manager.dict<string, number>(), manager.Lock()]);
    await use({ desk, entries, lock }, Number(seat), 1, new Random(path));
  });
}
