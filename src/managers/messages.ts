// The messages between a manager's server (server.ts) and its clients: the types that both halves share.
//
// A relative, which is a process of the same tree, sends frames (queues/frame.ts) by rings in shared memory:
//
// - One *bell* for all clients. A frame in it says which client has sent a request: the server then takes one request
//   from that client's own channel. So a bell that is rung for somebody else does no harm, and nobody speaks for another.
// - Two channels for each client, `requests` and `answers`, which the client makes and sends by the bell (`hello`).
//
// A stranger, which is in no tree or another one, sends the same parts as bytes over a connection (outside_wire.ts).

import type { Failure } from "../pool/messages.ts";
import type { Channel } from "../queues/channel.ts";

/** What a frame is. */
export const Kind = {
  /** By the bell: a new client. The list is a {@linkcode Hello}. */
  hello: 1,
  /** By the bell: the client of the number `task` has put one request. */
  ring: 2,
  /** To a client: it is known from now on by the number `task`. The list is a {@linkcode Welcome}. */
  welcome: 3,
  /** From a client: a call. The list is a {@linkcode Request}; `task` is the call's number. */
  call: 4,
  /** From a client: the answer to the call `task` is not wanted any more. */
  cancel: 5,
  /** From a client: it has given up its last proxy of an object. The list is the object's id. */
  release: 6,
  /** To a client: the call `task` has this result. The list is the result alone. */
  result: 7,
  /** To a client: the call `task` has thrown. The list is a {@linkcode Failure}. */
  error: 8,
} as const;

/**
 * A client that makes itself known: where it puts requests, where it awaits answers, and what it is called. The manager
 * itself says its authority besides, others 0.
 */
export type Hello = [requests: Channel, answers: Channel, name: string, authority: number];

/** Who the server is: the pid and the name of its process, and the token of its thread. */
export type Welcome = [pid: number, name: string, token: number];

/** The object that is meant, how (names.ts), and the arguments. */
export type Request = [target: number, asked: string, ...args: unknown[]];

export type { Failure };

/** The id of what every server has, and what it answers to: see `ServerObject` in server_object.ts. */
export const SERVER_ID = 0;

/** The head of a frame that speaks of no task. */
export const NO_TASK = { flags: 0, task: 0, fn: 0, begun: 0, duration: 0 };

/** Items of an iteration, and whether there are no more. */
export type Chunk = [items: unknown[], isOver: boolean];
