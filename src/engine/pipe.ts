// Two connected ends in an engine at once.

import { isDuplex, type PipeOptions } from "../connection/pipe.ts";
import { RemoteConnection } from "./connection.ts";
import { ObjectHandle } from "./handles.ts";
import type { Session } from "./session.ts";

/** A pipe between processes on any hosts; as the local `Pipe`. */
export function remotePipe<Sent = unknown, Received = Sent>(
  session: Session,
  options: PipeOptions = {},
): [RemoteConnection<Sent, Received>, RemoteConnection<Received, Sent>] {
  const duplex = isDuplex(options);
  const [first, answer] = ObjectHandle.made(session, "connection", "", duplex ? "both" : "one");
  const second = ObjectHandle.madeWith(first, answer.text(1));
  return [
    new RemoteConnection({ handle: first, peer: second.id, readable: true, writable: duplex }),
    new RemoteConnection({ handle: second, peer: first.id, readable: duplex, writable: true }),
  ];
}
