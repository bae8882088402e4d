// How the proxy of an object in a server outside of the tree travels within it: the receiver connects to that server by
// itself, at its first call.
//
// Where the server is, and the key that it asks for, go with the message. The key is in a block of shared memory, which
// nobody outside of the tree can be sent: not among the bytes, which may be kept or passed on. A block of its own, the
// lease, tells the sender whether somebody may still be about to connect: while another process or a message has it, the
// sender keeps its share in the object. The receiver gives up the lease once it has a share of its own.
//
// What this leaves: if the sender ends before the receiver has made its first call, nobody keeps the object.

import { BlockHandle, type BlockReference, closedError } from "../addon/handles.ts";
import { type Address, placeOf } from "../connection/address.ts";
import { Channel } from "../queues/channel.ts";
import { adopted, attach, requireHere } from "../reduction/passage.ts";
import { queueMicrotask } from "../runtime/timing.ts";
import { RawArray } from "../sharedctypes.ts";
import type { ObjectId } from "./line.ts";
import { OutsideLine } from "./outside_line.ts";
import type { ProxyInside } from "./proxy.ts";
import { arrivedNames, malformed, namesToSend, proxyClassOf } from "./proxy_classes.ts";
import { OUTSIDE, setStrangerForm } from "./proxy_form.ts";

/** The leases of this thread that have not ended, by lines and objects. */
const leases = new WeakMap<OutsideLine, Map<ObjectId, BlockHandle>>();
/** The keys of lines in shared memory. */
const keys = new WeakMap<OutsideLine, Uint8Array>();

function keyOf(line: OutsideLine): Uint8Array | null {
  if (line.authkey === null) return null;
  let key = keys.get(line);
  if (key === undefined) {
    key = RawArray("B", line.authkey) as Uint8Array;
    keys.set(line, key);
  }
  return key;
}

/** What keeps an object for who is sent a proxy of it. */
function leaseOf(line: OutsideLine, { id, handle }: ProxyInside): BlockHandle {
  // Nothing was called yet, so nothing is kept by this process: whoever sent it here keeps it.
  if (handle !== null && !line.isOpen) return handle;
  const known = leases.get(line)?.get(id);
  if (known !== undefined) return known;
  // A queue, of which the reactor tells when nobody else has it.
  const lease = BlockHandle.of((addon) => addon.queueCreate(0, false));
  line.take(id);
  const all = leases.get(line) ?? new Map<ObjectId, BlockHandle>();
  leases.set(line, all.set(id, lease));
  queueMicrotask(async () => { // by then the message has the lease
    const channel = new Channel(lease);
    while (!channel.isAlone && !line.isOver) {
      await channel.filled({ inBackground: true, signal: line.ended }).catch(() => {});
    }
    all.delete(id);
    channel.close();
    line.giveUp(id);
  });
  return lease;
}

setStrangerForm({
  reduce(inside) {
    const { id, line, description } = inside;
    if (!(line instanceof OutsideLine)) throw closedError("send it", "proxy");
    requireHere();
    const lease = leaseOf(line, inside);
    attach(lease.block);
    const { typeid, isFrozen } = description;
    const names = namesToSend(description);
    return [OUTSIDE, line.address, keyOf(line), lease.reference(), id, typeid, names, isFrozen];
  },
  restore([, address, key, reference, id, typeid, exposed, isFrozen]) {
    const names = arrivedNames(typeid, exposed);
    if (!isId(id) || key !== null && !(key instanceof Uint8Array)) throw malformed();
    placeOf(address, undefined, "connect to");
    const handle = adopted(reference as BlockReference);
    const line = OutsideLine.to(address as Address, key === null ? null : new Uint8Array(key));
    const description = { typeid: typeid as string, exposed: names, isFrozen: isFrozen === true, direct: null };
    const inside = { id, description, line, gate: null, handle, isClosed: false };
    line.share(inside);
    return new (proxyClassOf(description))(inside);
  },
});

function isId(id: unknown): id is ObjectId {
  return Number.isSafeInteger(id);
}
