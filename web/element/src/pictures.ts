import type { View } from "./view.js";

const SVG = "http://www.w3.org/2000/svg";
const LINE = { fill: "none", stroke: "var(--ink)", "stroke-width": "2.5", "stroke-linecap": "round" };

type Shape = readonly [name: string, attributes: Readonly<Record<string, string>>];

/** A card with a portrait and lines of text. */
const CARD: readonly Shape[] = [
  ["rect", { ...LINE, x: "48", y: "41", width: "80", height: "50", rx: "8", fill: "var(--surface)" }],
  ["circle", { cx: "68", cy: "60", r: "6.5", fill: "var(--ink)" }],
  ["path", { d: "M57 78c2-10 20-10 22 0Z", fill: "var(--ink)" }],
  ["path", { ...LINE, d: "M92 57h24M92 67h17M92 77h21", opacity: ".4" }],
];

/** What is drawn together with the card, by the mood of the view. */
const BESIDE: Readonly<Record<View["mood"], readonly Shape[]>> = {
  calm: [["path", { ...LINE, d: "M132 26v-10M144 32l7-7M150 44h10" }]],
  waiting: [
    ["circle", { ...LINE, cx: "88", cy: "66", r: "60", stroke: "var(--line)", "stroke-width": "5" }],
    ["path", { ...LINE, d: "M88 6a60 60 0 0 1 60 60", stroke: "var(--waiting-mark)", "stroke-width": "5", class: "ring" }],
  ],
  again: [["path", { ...LINE, d: "M142 66a54 54 0 1 1-15-37M129 10v20h-20", stroke: "var(--again-mark)", "stroke-width": "5" }]],
  done: [
    ["circle", { cx: "126", cy: "90", r: "19", fill: "var(--done-mark)", stroke: "var(--done)", "stroke-width": "5" }],
    ["path", { ...LINE, d: "m117 90 6 7 12-13", stroke: "var(--surface)", "stroke-width": "4", "stroke-linejoin": "round" }],
  ],
  quiet: [["circle", { ...LINE, cx: "88", cy: "66", r: "60", stroke: "var(--line)", "stroke-width": "4", "stroke-dasharray": "1 12" }]],
};

/** The picture for the mood of a view. It is decoration: screen readers skip it. */
export function picture(mood: View["mood"]): SVGElement {
  const drawing = shape(["svg", { viewBox: "0 0 176 132", "aria-hidden": "true" }]);
  const around = mood === "done" ? [...CARD, ...BESIDE[mood]] : [...BESIDE[mood], ...CARD];
  drawing.append(...around.map(shape));
  return drawing;
}

function shape([name, attributes]: Shape): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  return element;
}
