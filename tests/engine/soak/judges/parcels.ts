// Messages: each that was put is received once; or it is reported, or was lost with a process that had it, where the queue
// says that it does so; or given again, where the one that had it was killed before it had said that it was done with it.

import type { Carrier } from "../parts.ts";
import type { Entry, Stories, Verdict } from "./stories.ts";

/** What became of a message. */
interface Fate {
  state: "put" | "stored" | "full";
  readonly takers: Taker[];
  isLost: boolean;
}

interface Taker {
  readonly life: string;
  readonly index: number;
  /** Whether it had begun to say that it has dealt with it, and whether it was heard. */
  isDeal: boolean;
  isDealt: boolean;
}

/** Whether a message may be given again whose taker was killed. */
type MayBeGivenAgain = (taker: Taker, part: Carrier, stories: Stories) => boolean;

/** As long as the taker has done nothing since. */
const unlessGoneOn: MayBeGivenAgain = ({ life, index, isDealt }, _, stories) =>
  !isDealt && stories.isSilentFrom(life, index + 1);

const AGAIN: Readonly<Record<Carrier, MayBeGivenAgain>> = {
  "Queue": unlessGoneOn,
  "SimpleQueue": unlessGoneOn,
  "Pipe": unlessGoneOn,
  "JoinableQueue": ({ life, index, isDeal }, part, stories) =>
    !isDeal && !stories.of(part).some((entry) => entry.life === life && entry.index > index),
  "Queue-redeliver": ({ life, index }, part, stories) =>
    !stories.of(part).some((it) => it.life === life && it.index > index && ["got", "none"].includes(it.event)),
  "JoinableQueue-redeliver": ({ isDealt }) => !isDealt,
};

/** Of these queues no message is lost with whoever has it. */
const REDELIVERING: readonly Carrier[] = ["Queue-redeliver", "JoinableQueue-redeliver"];

export function judgeParcels(part: Carrier, stories: Stories, verdict: Verdict): void {
  const fates = fatesOf(stories.of(part), (what) => verdict.violate(part, what));
  let missing = 0;
  let again = 0;
  let reported = 0;
  for (const [id, { state, takers, isLost }] of fates) {
    if (isLost) reported++;
    if (takers.length === 0 && state === "stored" && !isLost) {
      missing++;
      if (REDELIVERING.includes(part)) verdict.violate(part, `the message ${id} is missing`);
    }
    if (takers.length > 0 && state === "full") verdict.violate(part, `the message ${id} came, which had no room`);
    again += Math.max(0, takers.length - 1);
    for (const taker of takers.slice(0, -1)) {
      if (stories.isDead(taker.life) && AGAIN[part](taker, part, stories)) continue;
      verdict.violate(part, `the message ${id} came again after ${taker.life} had it`);
    }
  }
  const taking = stories.endedAt(part, "get").length;
  if (missing > taking) verdict.violate(part, `${missing} messages are missing, and ${taking} were killed taking one`);
  if (part.startsWith("JoinableQueue")) judgeJoin(part, { fates, missing, taking }, stories, verdict);
  const count = [...fates.values()].filter(({ takers }) => takers.length > 0).length;
  verdict.count(part, count, { "given again": again, "lost with their taker": missing, "put aside": reported });
}

function fatesOf(entries: readonly Entry[], violate: (what: string) => void): Map<string, Fate> {
  const fates = new Map<string, Fate>();
  /** The last take of each life. */
  const held = new Map<string, Taker>();
  for (const { life, event, index, args: [id] } of entries) {
    const fate = fates.get(id);
    switch (event) {
      case "put":
        fates.set(id, { state: "put", takers: [], isLost: false });
        break;
      case "stored":
      case "full":
        fate!.state = event;
        break;
      case "got": {
        if (fate === undefined) violate(`the message ${id} came, which nobody has put`);
        const taker = { life, index, isDeal: false, isDealt: false };
        fate?.takers.push(taker);
        held.set(life, taker);
        break;
      }
      case "deal":
        held.get(life)!.isDeal = true;
        break;
      case "dealt":
        held.get(life)!.isDealt = true;
        break;
      case "lost":
        if (fate !== undefined) fate.isLost = true;
    }
  }
  return fates;
}

/** What was told to whoever waited for all tasks: of a queue that redelivers, that they are done. */
function judgeJoin(
  part: Carrier,
  { fates, missing, taking }: { fates: Map<string, Fate>; missing: number; taking: number },
  stories: Stories,
  verdict: Verdict,
): void {
  const told = stories.of(part).find(({ event }) => ["joined", "told", "unfinished"].includes(event))?.event;
  const last = [...fates.values()].flatMap(({ takers }) => takers.slice(-1));
  const abandoned = last.filter(({ life, isDeal }) => stories.isDead(life) && !isDeal).length + missing;
  const unsure = last.filter(({ life, isDeal, isDealt }) => stories.isDead(life) && isDeal && !isDealt).length + taking;
  if (told === "told") verdict.count(part, 0, { OwnerDiedError: 1 });
  const isRight = REDELIVERING.includes(part) || abandoned + unsure === 0
    ? told === "joined"
    : abandoned === 0 || told === "told";
  if (!isRight) {
    verdict.violate(
      part,
      `who joined it was told "${told}", where ${abandoned} to ${abandoned + unsure} are abandoned`,
    );
  }
}
