// SPDX-License-Identifier: Apache-2.0
// "Save: SVG PNG CSV" of one figure.
import { button, element } from "../dom";
import type { Figure } from "../data/types";
import { csvOf } from "./csv";
import { pngOf } from "./png";
import { svgOf } from "./svg";

const kPngScale = 2;

export function download(name: string, blob: Blob): void {
  const link = document.createElement("a");
  link.download = name;
  link.href = URL.createObjectURL(blob);
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

export function saveButtons(figure: Figure, place: HTMLElement): HTMLElement {
  const out = element("span", "save", "Save: ");
  const said = element("span", "said");
  said.setAttribute("role", "status");
  const add = (kind: string, make: () => Blob | Promise<Blob>) => {
    const one = button(kind, `save ${figure.title} as ${kind}`, () => {
      Promise.resolve().then(make).then((blob) => { download(`${figure.id}.${kind.toLowerCase()}`, blob); said.textContent = ""; })
        .catch((error: unknown) => { said.textContent = ` ${kind} failed: ${error instanceof Error ? error.message : String(error)}`; });
    });
    out.append(one);
  };
  add("SVG", () => new Blob([svgOf(figure.title, place)], { type: "image/svg+xml" }));
  add("PNG", () => pngOf(svgOf(figure.title, place), kPngScale));
  add("CSV", () => new Blob([csvOf(figure)], { type: "text/csv" }));
  out.append(said);
  return out;
}
