// What the gate shows of steps that run side by side: each step's output in one piece, in the order in which they began.
//
// The step that began first is shown as it goes on; the output of the others is kept until it is their turn.

/** Where a step writes. */
export interface Page {
  write(bytes: Uint8Array): void;
  /** Nothing more is written: the next page may be shown. */
  end(): void;
}

interface Sheet {
  kept: Uint8Array[];
  isEnded: boolean;
}

/** Shows pages one after the other. */
export class Screen {
  readonly #show: (bytes: Uint8Array) => void;
  /** Those that are not wholly shown; the first is shown as it is written. */
  readonly #sheets: Sheet[] = [];

  constructor(show: (bytes: Uint8Array) => void) {
    this.#show = show;
  }

  /** A page behind all others. */
  page(): Page {
    const sheet: Sheet = { kept: [], isEnded: false };
    this.#sheets.push(sheet);
    return {
      write: (bytes) => {
        if (sheet === this.#sheets[0]) this.#show(bytes);
        else sheet.kept.push(bytes);
      },
      end: () => {
        sheet.isEnded = true;
        this.#turn();
      },
    };
  }

  #turn(): void {
    while (this.#sheets[0]?.isEnded) {
      this.#sheets.shift();
      for (const bytes of this.#sheets[0]?.kept.splice(0) ?? []) this.#show(bytes);
    }
  }
}
