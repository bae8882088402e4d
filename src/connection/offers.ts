// Connections in messages: the descriptor is offered to whoever reads the message. Here is what becomes of offers in messages
// that nobody sends.

import { native } from "../addon/load.ts";
import { translated } from "../addon/translate.ts";
import type { BlockReference } from "../addon/handles.ts";
import { attach, requireHere } from "../reduction/passage.ts";
import { setDiscarder } from "../reduction/registry.ts";

/** What was offered for messages that are just being written: blocks and their generations. */
const offered = new Map<number, number>();

/** Last resort for messages that nobody sends: their bytes have been forgotten. */
const forgotten = new FinalizationRegistry<number[]>((pairs) => native().connectionAbandonOffers(pairs));

/** Forgets the offers of a message that is not sent. */
function discardOffers(attachments: readonly number[]): void {
  for (const block of attachments) offered.delete(block);
  native().connectionWithdrawOffers([...attachments]);
}

/** Follows the offers of a message whose bytes are handed to whoever asked for them. */
function followOffers(bytes: Uint8Array, attachments: readonly number[]): void {
  if (offered.size === 0) return;
  const pairs = attachments.flatMap((block) => {
    const generation = offered.get(block);
    offered.delete(block);
    return generation === undefined ? [] : [block, generation];
  });
  if (pairs.length > 0) forgotten.register(bytes, pairs);
}

setDiscarder(discardOffers, followOffers);

/** Offers the connection of that number to the reader of the message that is just being written. */
export function offer(id: number): BlockReference {
  requireHere();
  const block = translated(() => native().connectionOffer(id));
  attach(block);
  const generation = native().generationOf(block);
  offered.set(block, generation);
  return [block, generation];
}
