// SPDX-License-Identifier: Apache-2.0
// A figure as one SVG that needs no style sheet: the drawings where they stand on the page, with titles and legend as text,
// colours of the light theme as numbers, white background.
const kNamespace = "http://www.w3.org/2000/svg";
const kFonts = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";
const kMargin = 12;
const kTitle = 30;  // px above the drawings
const painted = ["fill", "stroke", "stop-color", "color"];

function make(name: string, attributes: Record<string, string | number>, text?: string): SVGElement {
  const out = document.createElementNS(kNamespace, name);
  for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, String(value));
  if (text !== undefined) out.textContent = text;
  return out;
}

// Colours that a style sheet would give become those it gives now.
function resolve(original: Element, copy: Element): void {
  const style = getComputedStyle(original);
  for (const name of painted) {
    const value = copy.getAttribute(name);
    if (value !== null && /var\(|currentcolor/i.test(value)) copy.setAttribute(name, style.getPropertyValue(name === "color" ? "color" : name));
  }
  copy.removeAttribute("class");
  copy.removeAttribute("style");
  for (let i = 0; i < original.children.length; ++i) resolve(original.children[i], copy.children[i]);
}

function drawing(svg: SVGSVGElement, left: number, top: number): SVGElement {
  const copy = svg.cloneNode(true) as SVGSVGElement;
  resolve(svg, copy);
  for (const part of copy.querySelectorAll("style, [aria-label=tip]")) part.remove();
  const box = svg.getBoundingClientRect();
  const inner = svg.viewBox.baseVal;
  if (!copy.hasAttribute("viewBox") && inner) copy.setAttribute("viewBox", `0 0 ${inner.width} ${inner.height}`);
  for (const [key, value] of Object.entries({ x: left, y: top, width: box.width, height: box.height, overflow: "visible" })) copy.setAttribute(key, String(value));
  copy.setAttribute("color", getComputedStyle(svg).color);
  copy.setAttribute("font-family", kFonts);
  return copy;
}

// The pieces of text and the marks of a legend under an element, where they stand.
function* texts(root: Element): Generator<[text: string, box: DOMRect, style: CSSStyleDeclaration]> {
  for (const mark of root.querySelectorAll<HTMLElement>("[data-glyph]")) yield [mark.dataset.glyph ?? "", mark.getBoundingClientRect(), getComputedStyle(mark)];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const text = node.textContent?.trim();
    if (!text || !node.parentElement) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    yield [text, range.getBoundingClientRect(), getComputedStyle(node.parentElement)];
  }
}

// The colour ramp of a map.
function ramp(bar: Element, left: number, top: number): SVGElement[] {
  const box = bar.getBoundingClientRect();
  const stops = getComputedStyle(bar).backgroundImage.match(/rgba?\([^)]*\)/g) ?? [];
  const each = box.width / Math.max(stops.length, 1);
  return stops.map((color, i) => make("rect", { x: box.left - left + i * each, y: box.top - top, width: each + 0.5, height: box.height, fill: color }));
}

function compose(title: string, place: HTMLElement): SVGElement {
  const parts = [...place.querySelectorAll<HTMLElement>(".keys, .panels")];
  const boxes = parts.map((part) => part.getBoundingClientRect());
  const left = Math.min(...boxes.map((box) => box.left)) - kMargin;
  const top = Math.min(...boxes.filter((box) => box.height > 0).map((box) => box.top)) - kTitle;
  const drawings = [...place.querySelectorAll<SVGSVGElement>(".panel svg")];
  const right = Math.max(...drawings.map((svg) => svg.getBoundingClientRect().right), left + 200) + kMargin;
  const bottom = Math.max(...boxes.map((box) => box.bottom)) + kMargin;
  const out = make("svg", { xmlns: kNamespace, width: right - left, height: bottom - top, viewBox: `0 0 ${right - left} ${bottom - top}`, "font-family": kFonts, "font-size": 11 });
  out.append(make("title", {}, title), make("rect", { width: "100%", height: "100%", fill: "#fff" }));
  out.append(make("text", { x: kMargin, y: 20, "font-size": 14, "font-weight": 600, fill: getComputedStyle(place).color }, title));
  for (const bar of place.querySelectorAll(".ramp .bar")) out.append(...ramp(bar, left, top));
  for (const root of place.querySelectorAll(".keys, .panel > h4")) {
    for (const [text, box, style] of texts(root)) {
      out.append(make("text", { x: box.left - left, y: box.bottom - top - 0.24 * box.height, "font-size": style.fontSize, "font-weight": style.fontWeight, fill: style.color }, text));
    }
  }
  for (const svg of drawings) {
    const box = svg.getBoundingClientRect();
    out.append(drawing(svg, box.left - left, box.top - top));
  }
  return out;
}

// Computed at once, before the browser paints: a dark page does not flash.
export function svgOf(title: string, place: HTMLElement): string {
  const root = document.documentElement;
  const theme = root.dataset.theme;
  root.dataset.theme = "light";
  try {
    return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(compose(title, place))}\n`;
  } finally {
    if (theme === undefined) delete root.dataset.theme;
    else root.dataset.theme = theme;
  }
}
