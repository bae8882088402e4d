// Draws a plot of Observable Plot as the text of an SVG picture, without a browser.

import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";

/** What Plot needs of a document; linkedom has no more of it in its types. */
const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as Pick<
  Plot.PlotOptions,
  "document"
>;

/** Pixels between the top of the picture and that of the frame: the names of the colours stand there. */
const TOP = 56;
/** Pixels that a letter takes, about. */
const LETTER = 8;

/** How each side is drawn wherever it is shown. */
const COLOURS: Readonly<Record<string, string>> = {
  ours: "#1257b5",
  CPython: "#d9730d",
  floor: "#3b7d4f",
  "floor, awake": "#3b7d4f",
  "floor, asleep": "#8a6d1d",
};
const MORE = ["#8e44ad", "#c0392b", "#16818a", "#6b7280", "#a0527a"];

/** The colour of a side among others. */
export function colourOf(side: string, sides: readonly string[]): string {
  const unnamed = sides.filter((it) => COLOURS[it] === undefined);
  return COLOURS[side] ?? MORE[Math.max(0, unnamed.indexOf(side)) % MORE.length];
}

/** The line above the frame, from the left edge of the picture, that says which colour is which side. */
function legend(sides: readonly string[], better: string, left: number): Plot.Markish[] {
  let at = 5 - left;
  const right = { frameAnchor: "top-right", lineAnchor: "middle", textAnchor: "end", dy: -38, fontSize: 13 } as const;
  const note = Plot.text([better], { ...right, text: [better], fill: "#57606a" });
  return sides.flatMap((side) => {
    const dx = at;
    at += 24 + LETTER * side.length;
    const place = { frameAnchor: "top-left", dy: -38 } as const;
    return [
      Plot.dot([side], {
        ...place,
        dx: dx + 5,
        r: 5,
        fill: colourOf(side, sides),
        x: null,
        y: null,
        fx: null,
        fy: null,
      }),
      Plot.text([side], {
        ...place,
        dx: dx + 15,
        textAnchor: "start",
        lineAnchor: "middle",
        text: [side],
        fontSize: 13,
        x: null,
        y: null,
      }),
    ];
  }).concat(note);
}

/** A picture that needs nothing else: with the names of the sides above it, and `better`, which way is better. */
export function draw(
  { sides, better, description }: { sides: readonly string[]; better: string; description: string },
  options: Plot.PlotOptions,
): string {
  const { marks = [], style = {}, ...rest } = options;
  const plot = Plot.plot({
    document,
    width: 1000,
    marginTop: sides.length > 0 ? TOP : 10,
    marginRight: 30,
    style: { fontSize: "13px", fontFamily: "system-ui, sans-serif", background: "white", ...style as object },
    ...rest,
    marks: [...sides.length > 0 ? legend(sides, better, rest.marginLeft ?? 0) : [], ...marks],
  } as Plot.PlotOptions) as unknown as { outerHTML: string };
  return plot.outerHTML.replace(
    /^<svg /,
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="${escaped(description)}" `,
  );
}

/** Text as it stands in XML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
