// What barriers of the engine ought to do, for the model of synchronize_model.ts.

import { GONE, type Model, NOBODY, type Outcome, Thing, type Wait } from "./synchronize_model.ts";

/** A barrier. */
export class Barrier extends Thing {
  state: "filling" | "action" | "broken" = "filling";
  round = 0;
  count = 0;
  runner = 0;
  culprit: string[] = NOBODY;
  lost: string[] | null = null;
  line: { wait: Wait; index: number }[] = [];
  early: { wait: Wait; hasAction: boolean }[] = [];
  known = new Map<number, { round: number; count: number; most: number }>();

  constructor(model: Model, id: string, readonly parties: number) {
    super(model, id);
  }

  wait(member: number, number: number, hasAction: boolean): Outcome {
    if (this.gone) return GONE;
    if (this.state === "broken") return ["no", "broken", ...this.culprit];
    const wait = { member, number, object: this };
    if (this.state === "action") {
      this.model.waits.push(wait);
      this.early.push({ wait, hasAction });
      return ["later"];
    }
    const outcome = this.#arrive(wait, hasAction);
    if (outcome !== null) return outcome;
    this.model.waits.push(wait);
    this.#judge();
    return ["later"];
  }

  #arrive(wait: Wait, hasAction: boolean): Outcome | null {
    const { member } = wait;
    const before = this.known.get(member);
    const count = before?.round === this.round ? before.count + 1 : 1;
    this.known.set(member, { round: this.round, count, most: Math.max(count, before?.most ?? 0) });
    const index = this.count;
    if (index + 1 < this.parties) {
      this.line.push({ wait, index });
      this.count++;
      return null;
    }
    if (!hasAction) {
      this.#pass();
      return ["ok", `${index}`, "passed"];
    }
    this.state = "action";
    this.count = this.parties;
    this.runner = member;
    return ["ok", `${index}`, "run", `${this.round}`];
  }

  #pass(): void {
    const passed = this.line.splice(0);
    this.#begin();
    this.lost = null;
    for (const { wait, index } of passed) this.model.answer(wait, ["ok", `${index}`, "passed"]);
  }

  #begin(): void {
    this.state = "filling";
    this.count = 0;
    this.round++;
    this.runner = 0;
  }

  #admit(): void {
    while (this.state === "filling" && this.early.length > 0) {
      const { wait, hasAction } = this.early.shift()!;
      const outcome = this.#arrive(wait, hasAction);
      if (outcome !== null) this.model.answer(wait, outcome);
    }
  }

  #break(culprit: string[] = NOBODY): void {
    this.state = "broken";
    this.count = 0;
    this.culprit = culprit;
    this.runner = 0;
    this.lost = null;
    for (const { wait } of [...this.line.splice(0), ...this.early.splice(0)]) {
      this.model.answer(wait, ["no", "broken", ...culprit]);
    }
  }

  #runs(member: number, round: number): boolean {
    return this.state === "action" && this.runner === member && this.round === round;
  }

  open(member: number, round: number): Outcome {
    if (this.gone) return GONE;
    if (!this.#runs(member, round)) return ["no", "broken", ...this.culprit];
    this.#pass();
    this.#admit();
    return ["ok"];
  }

  abort(member: number, round: number | null): Outcome {
    if (this.gone) return GONE;
    if (this.state !== "broken" && (round === null || this.#runs(member, round))) this.#break();
    return ["ok"];
  }

  reset(): Outcome {
    if (this.gone) return GONE;
    for (const { wait } of this.line.splice(0)) this.model.answer(wait, ["no", "broken", ...NOBODY]);
    this.known.clear();
    this.#begin();
    this.culprit = NOBODY;
    this.lost = null;
    this.#admit();
    return ["ok"];
  }

  cancel(wait: Wait, how?: string): boolean {
    if (this.early.some((it) => it.wait === wait)) {
      this.early = this.early.filter((it) => it.wait !== wait);
      return false;
    }
    if (!this.line.some((it) => it.wait === wait)) return false;
    this.line = this.line.filter((it) => it.wait !== wait);
    this.#break(how === undefined ? NOBODY : this.model.obituary(wait.member, how));
    return false;
  }

  override bury(member: number, how: string): void {
    if (!this.known.delete(member) || this.state === "broken") return;
    const died = this.model.obituary(member, how);
    if (this.state === "action" && this.runner === member) return this.#break(died);
    this.lost = died;
    this.#judge();
  }

  override letGo(): void {
    this.#judge();
  }

  #judge(): void {
    if (this.lost === null || this.state !== "filling" || this.count === 0) return;
    const hope = [...this.known.values()].reduce((sum, { most }) => sum + most, 0);
    if (hope >= this.parties) return;
    // All members of the model are children of the first.
    const others = [...this.has].filter((it) => !this.known.has(it) && !(it === 1 && this.known.size > 0));
    if (others.length === 0) this.#break(this.lost);
  }

  destroy(): void {
    for (const { wait } of [...this.line.splice(0), ...this.early.splice(0)]) this.model.answer(wait, GONE);
  }
}
