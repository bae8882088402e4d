// Handshakes over connections: sends and receives what handshake.ts asks for, within a time.

import { AuthenticationError, EOFError } from "../errors.ts";
import { Watch } from "../waiting/limits.ts";
import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import {
  requireKnown,
  timeoutOf,
  WAIT,
  WAIT_SYNC,
  type WaitOptions,
  type WaitSyncOptions,
} from "../waiting/options.ts";
import { type Connection, receiveAtOnce } from "./connection.ts";
import { answer, challenge, type DigestName, digestNames, type Handshake, isDigestName, LONGEST } from "./handshake.ts";
import { performance } from "../runtime/timing.ts";

export type { DigestName } from "./handshake.ts";

/** How long a handshake may take if nothing else is said, in milliseconds. */
const HANDSHAKE_TIMEOUT = 10_000;

/** Options of {@linkcode deliverChallengeSync}. */
export interface ChallengeSyncOptions extends WaitSyncOptions {
  /** The digest to ask for. Default: `"sha256"`. CPython up to 3.11 always answers with MD5, which is accepted. */
  digestName?: DigestName;
}

/** Options of {@linkcode deliverChallenge}. */
export interface ChallengeOptions extends WaitOptions, ChallengeSyncOptions {}

/**
 * Makes the other end of a connection prove that it knows `authkey`, as Python's `deliver_challenge`. The other end must
 * call {@linkcode answerChallenge}, or be Python's. The handshake takes at most `timeout` milliseconds (default: 10 000).
 *
 * Close the connection if this fails: it may be in the middle of the handshake.
 *
 * @throws {AuthenticationError} If the other end does not know the key, does not answer in time, or goes away.
 * @throws {TypeError} If `authkey` is no Uint8Array.
 * @throws {RangeError} If `digestName` is not known.
 * @throws What `signal` was aborted with.
 *
 * @example Both ends of a pipe
 * ```ts
 * import { answerChallenge, deliverChallenge, Pipe } from "@parallel/multiprocessing/connection";
 *
 * const key = new TextEncoder().encode("secret");
 * const [a, b] = Pipe();
 * await Promise.all([deliverChallenge(a, key), answerChallenge(b, key)]);
 * a.close();
 * b.close();
 * ```
 */
export async function deliverChallenge(
  connection: Connection,
  authkey: Uint8Array,
  options: ChallengeOptions = {},
): Promise<void> {
  const limits = handshakeOptions("deliver a challenge", options, ["digestName", ...WAIT]);
  await perform(connection, challenge(checkedKey(authkey), checkedDigest(options)), limits);
}

/** As {@linkcode deliverChallenge}, blocking the thread. */
export function deliverChallengeSync(
  connection: Connection,
  authkey: Uint8Array,
  options: ChallengeSyncOptions = {},
): void {
  const limits = handshakeOptions("deliver a challenge", options, ["digestName", ...WAIT_SYNC]);
  performSync(connection, challenge(checkedKey(authkey), checkedDigest(options)), limits);
}

/**
 * Proves to the other end of a connection that this one knows `authkey`, as Python's `answer_challenge`. The other end
 * must call {@linkcode deliverChallenge}, or be Python's. The handshake takes at most `timeout` milliseconds (default:
 * 10 000).
 *
 * Close the connection if this fails: it may be in the middle of the handshake.
 *
 * @throws {AuthenticationError} If the other end rejects the answer, is not heard of in time, or goes away.
 * @throws {TypeError} If `authkey` is no Uint8Array.
 * @throws What `signal` was aborted with.
 *
 * @example A key that the other end does not have
 * ```ts
 * import { answerChallenge, AuthenticationError, deliverChallenge, Pipe } from "@parallel/multiprocessing";
 * import { assertEquals, assertInstanceOf } from "@std/assert";
 *
 * const [a, b] = Pipe();
 * const key = (text: string) => new TextEncoder().encode(text);
 * const ends = await Promise.allSettled([deliverChallenge(a, key("one")), answerChallenge(b, key("another"))]);
 * for (const end of ends) {
 *   assertEquals(end.status, "rejected");
 *   if (end.status === "rejected") assertInstanceOf(end.reason, AuthenticationError);
 * }
 * a.close();
 * b.close();
 * ```
 */
export async function answerChallenge(
  connection: Connection,
  authkey: Uint8Array,
  options: WaitOptions = {},
): Promise<void> {
  await perform(connection, answer(checkedKey(authkey)), handshakeOptions("answer a challenge", options, WAIT));
}

/** As {@linkcode answerChallenge}, blocking the thread. */
export function answerChallengeSync(connection: Connection, authkey: Uint8Array, options: WaitSyncOptions = {}): void {
  performSync(connection, answer(checkedKey(authkey)), handshakeOptions("answer a challenge", options, WAIT_SYNC));
}

/**
 * A copy of the key, which the caller may change meanwhile.
 *
 * @throws {TypeError} If it is no Uint8Array. An empty one is a key, too.
 */
export function checkedKey(authkey: unknown): Uint8Array {
  if (authkey instanceof Uint8Array) return new Uint8Array(authkey);
  const hint = typeof authkey === "string" ? ", such as `new TextEncoder().encode(text)`" : "";
  const given = typeof authkey === "string" ? "a string" : Deno.inspect(authkey);
  throw new TypeError(`Cannot authenticate: authkey should be a byte string: wanted a Uint8Array${hint}, got ${given}`);
}

function checkedDigest({ digestName = "sha256" }: ChallengeSyncOptions): DigestName {
  if (isDigestName(digestName)) return digestName;
  throw new RangeError(`Cannot deliver a challenge: "digestName" is "${digestName}", wanted one of ${digestNames()}`);
}

/** The limits of a handshake. */
export interface HandshakeLimits {
  /** Milliseconds; may be `Infinity`. */
  timeout: number;
  signal?: AbortSignal;
}

function handshakeOptions(action: string, options: WaitOptions, known: readonly string[]): HandshakeLimits {
  requireKnown(action, options, known);
  const { timeout = HANDSHAKE_TIMEOUT, signal } = options;
  return { timeout: timeoutOf({ timeout, signal }), signal };
}

/**
 * Milliseconds that a handshake may take; `Infinity` for ever.
 *
 * @param action What the option belongs to, for messages: "listen".
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If it is NaN.
 */
export function handshakeTimeoutOf(given: number | null | undefined, action: string): number {
  if (given === undefined) return HANDSHAKE_TIMEOUT;
  if (given === null) return Infinity;
  if (typeof given === "number" && !Number.isNaN(given)) return Math.max(0, given);
  const ErrorClass = typeof given === "number" ? RangeError : TypeError;
  const wanted = "wanted a number of milliseconds or null";
  throw new ErrorClass(`Cannot ${action}: "handshakeTimeout" is ${Deno.inspect(given)}, ${wanted}`);
}

/** Takes this end's part in a handshake, without blocking the thread. */
export async function perform(
  connection: Connection,
  handshake: Handshake,
  { timeout, signal }: HandshakeLimits,
): Promise<void> {
  signal?.throwIfAborted();
  const limit = new AbortController();
  using _ = new Watch({ timeout, signal }, {
    late: () => limit.abort(late(timeout)),
    aborted: (reason) => limit.abort(reason),
  });
  const within = { signal: limit.signal };
  let turn = handshake.next();
  while (!turn.done) {
    let received = NOTHING;
    try {
      if (turn.value === null) received = await connection.recvBytes({ ...within, maxlength: LONGEST });
      else await connection.sendBytes(turn.value, within);
    } catch (error) {
      turn = handshake.throw(explained(error));
      continue;
    }
    turn = handshake.next(received);
  }
}

/** As {@linkcode perform}, blocking the thread. */
export function performSync(connection: Connection, handshake: Handshake, { timeout }: HandshakeLimits): void {
  const exchange = new Exchange(connection, handshake, timeout);
  while (!exchange.advance()) {
    // What has come of the message is no reason to look again.
    translated(() => native().descriptorsPoll([connection.fileno()], Math.max(0, exchange.left)));
  }
}

/** This end's part in a handshake, in steps that never wait. */
export class Exchange {
  readonly #connection: Connection;
  readonly #handshake: Handshake;
  readonly #timeout: number;
  readonly #until: number;
  #turn: IteratorResult<Uint8Array | null, void> | undefined;

  constructor(connection: Connection, handshake: Handshake, timeout: number) {
    this.#connection = connection;
    this.#handshake = handshake;
    this.#timeout = timeout;
    this.#until = performance.now() + timeout;
  }

  /** Milliseconds that it may still take. */
  get left(): number {
    return this.#until - performance.now();
  }

  /**
   * Goes on as far as it can; whether the handshake is done.
   *
   * @throws {AuthenticationError} If it has failed, or `isLate` and nothing has come.
   */
  advance(isLate: boolean = !(this.left > 0)): boolean {
    let turn = this.#turn ?? this.#handshake.next();
    while (!turn.done) {
      let received: Uint8Array | undefined = NOTHING;
      try {
        // A message of a handshake fits into any socket's buffer, so only receiving can take long.
        if (turn.value === null) received = this.#connection[receiveAtOnce](LONGEST);
        else this.#connection.sendBytesSync(turn.value);
        if (received === undefined && isLate) throw late(this.#timeout);
      } catch (error) {
        turn = this.#handshake.throw(explained(error));
        continue;
      }
      if (received === undefined) {
        this.#turn = turn;
        return false;
      }
      turn = this.#handshake.next(received);
    }
    return true;
  }
}

const NOTHING = new Uint8Array(0);

function late(timeout: number): AuthenticationError {
  return new AuthenticationError(
    `Cannot authenticate: the other end was silent for too long (${timeout} ms); does it have an authkey?`,
  );
}

/** What the other end did, as an error of authentication; an error of this end unchanged. */
function explained(error: unknown): unknown {
  const classes = [
    EOFError,
    Deno.errors.UnexpectedEof,
    Deno.errors.InvalidData,
    Deno.errors.BrokenPipe,
    Deno.errors.ConnectionReset,
  ];
  if (!classes.some((ErrorClass) => error instanceof ErrorClass)) return error;
  const what = error instanceof Deno.errors.InvalidData ? "sent too much" : "closed the connection";
  return new AuthenticationError(`Cannot authenticate: the other end ${what} during the handshake`, { cause: error });
}
