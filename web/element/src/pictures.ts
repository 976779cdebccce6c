import type { View } from "./view.js";

const SVG = "http://www.w3.org/2000/svg";
const LINE = { fill: "none", stroke: "var(--ink)", "stroke-width": "2.5", "stroke-linecap": "round", "stroke-linejoin": "round" };

type Shape = readonly [name: string, attributes: Readonly<Record<string, string>>, ...children: Shape[]];

/** An identity card with a portrait and lines of text, around the point 0, 0. */
const CARD: readonly Shape[] = [
  ["rect", { ...LINE, x: "-42", y: "-27", width: "84", height: "54", rx: "8", fill: "var(--surface)" }],
  ["circle", { cx: "-21", cy: "-8", r: "7", fill: "var(--ink)" }],
  ["path", { d: "M-33 13c2-15 22-15 24 0Z", fill: "var(--ink)" }],
  ["path", { ...LINE, d: "M6-11h23M6 0h17M6 11h21", opacity: ".4" }],
];
const RING = { ...LINE, cx: "100", cy: "75", r: "66" };

function card(transform: string): Shape {
  return ["g", { transform }, ...CARD];
}

/** A phone that looks at a face, with a card before it. */
const READY: readonly Shape[] = [
  ["rect", { ...LINE, x: "96", y: "7", width: "66", height: "136", rx: "13", fill: "var(--surface)" }],
  ["path", { ...LINE, d: "M122 18h14" }],
  ["circle", { ...LINE, cx: "129", cy: "60", r: "21", "stroke-dasharray": "6 7.2" }],
  ["circle", { cx: "129", cy: "55", r: "6.5", fill: "var(--ink)" }],
  ["path", { d: "M117 73c2-15 22-15 24 0Z", fill: "var(--ink)" }],
  ["rect", { x: "111", y: "115", width: "36", height: "12", rx: "6", fill: "var(--ink)" }],
  card("translate(64 84) rotate(-7) scale(1.02)"),
];

/** What is drawn in each mood. */
const PICTURES: Readonly<Record<View["mood"], readonly Shape[]>> = {
  calm: READY,
  waiting: [
    ["circle", { ...RING, stroke: "var(--waiting-mark)", "stroke-width": "5", opacity: ".2" }],
    ["path", { ...LINE, d: "M100 9a66 66 0 0 1 66 66", stroke: "var(--waiting-mark)", "stroke-width": "5", class: "ring" }],
    card("translate(100 75)"),
  ],
  again: [
    ["path", { d: "M72 62a28 28 0 0 1 56 0Z", fill: "var(--again-mark)" }],
    ["path", { ...LINE, d: "M58 62h84M100 22V9M70 31l-7-11M130 31l7-11M51 51l-13-6M149 51l13-6", stroke: "var(--again-mark)", "stroke-width": "4.5" }],
    card("translate(100 108)"),
  ],
  done: [
    card("translate(92 68) rotate(-5) scale(1.2)"),
    ["circle", { cx: "140", cy: "100", r: "27", fill: "var(--done-mark)", stroke: "var(--tint)", "stroke-width": "6" }],
    ["path", { ...LINE, d: "m128 101 8 8 16-17", stroke: "var(--surface)", "stroke-width": "4.5" }],
  ],
  quiet: [["circle", { ...RING, stroke: "var(--ink-soft)", "stroke-width": "4.5", "stroke-dasharray": ".1 12.86" }], card("translate(100 75)")],
};

/** The icons of the lines, in a square of 20. */
const ICONS = {
  card: "M3.5 4.5h13a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1h-13a1 1 0 0 1-1-1v-9a1 1 0 0 1 1-1ZM5 13c.4-3 4.6-3 5 0M12.5 8.5h2.5M12.5 11.5h2M7.5 7.5v.2",
  light: "M13.2 10a3.2 3.2 0 1 1-6.4 0 3.2 3.2 0 0 1 6.4 0ZM10 2.5V4M10 16v1.5M2.5 10H4M16 10h1.5M4.7 4.7l1 1M14.3 14.3l1 1M4.7 15.3l1-1M14.3 5.7l1-1",
  bulb: "M7.5 14.5h5M8.3 17h3.4M10 3a5 5 0 0 0-3 9c.4.4.6 1.1.6 2.5h4.8c0-1.4.2-2.1.6-2.5a5 5 0 0 0-3-9Z",
  clock: "M17 10a7 7 0 1 1-14 0 7 7 0 0 1 14 0ZM10 6v4.2l2.7 1.6",
  tick: "m5 10.5 3.5 3.5L15 7",
  lost: "m3 3 14 14M6 10.5a6 6 0 0 1 2.8-1.5M14 10.5a6 6 0 0 0-1.3-.9M3.3 7.5A10 10 0 0 1 6 5.9M16.7 7.5A10 10 0 0 0 8.5 5.1M8.4 13.2a2.5 2.5 0 0 1 3.2 0M10 16v.1",
} as const;

/** The picture for a mood. It is decoration: screen readers skip it. */
export function picture(mood: View["mood"]): SVGElement {
  return shape(["svg", { viewBox: "0 0 200 150", "aria-hidden": "true" }, ...PICTURES[mood]]);
}

/** The icon beside a line of text. It is decoration: screen readers skip it. */
export function icon(name: keyof typeof ICONS): SVGElement {
  return shape(["svg", { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true" }, ["path", { d: ICONS[name] }]]);
}

function shape([name, attributes, ...children]: Shape): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [attribute, value] of Object.entries(attributes)) element.setAttribute(attribute, value);
  element.append(...children.map(shape));
  return element;
}
