// SPDX-License-Identifier: Apache-2.0
// Draws every figure of the page into its place. Knows nothing of what a figure shows.
import { mountEmbedded } from "./dial/embedded";
import { readDetails } from "./data/details";
import { readPage } from "./data/read";
import type { Figure, PageData } from "./data/types";
import { element } from "./dom";
import { Explorer } from "./explorer/explorer";
import { fillNumbers } from "./export/csv";
import { MountedFigure } from "./figures/mount";
import { SelectionBar } from "./select/bar";
import { Selection } from "./select/selection";
import { mountTheme } from "./theme";

const kAtOnce = 4;  // figures drawn before the page is first shown; the others follow one by one

function placeOf(kind: string, id: string): HTMLElement | null {
  return document.querySelector<HTMLElement>(`[data-${kind}="${CSS.escape(id)}"]`);
}

function mountNumbers(figure: Figure): void {
  const place = placeOf("numbers", figure.id);
  const details = place?.closest("details");
  details?.addEventListener("toggle", () => {
    if (place && details.open && !place.hasChildNodes()) fillNumbers(place, figure);
  });
}

function drawAll(data: PageData, selection?: Selection): void {
  const queue = (data.figures ?? []).filter((figure) => figure.panels.some((panel) => panel.series.length > 0));
  (data.figures ?? []).forEach(mountNumbers);
  const next = () => {
    const figure = queue.shift();
    if (!figure) return false;
    const place = placeOf("figure", figure.id);
    if (place) new MountedFigure(figure, place, figure.words ?? data.words, selection);
    return true;
  };
  for (let i = 0; i < kAtOnce; ++i) next();
  const later = () => {
    if (next()) setTimeout(later);
    else document.documentElement.dataset.drawn = "yes";
  };
  later();
}

function say(error: unknown): void {
  const box = element("p", "box", error instanceof Error ? error.message : String(error));
  box.setAttribute("role", "alert");
  document.querySelector("main")?.prepend(box);
}

async function explore(place: HTMLElement, selection: Selection): Promise<void> {
  try {
    const details = await readDetails();
    if (!details) {
      place.replaceChildren(element("p", "box", "This store has no finished run to look at."));
      return;
    }
    new SelectionBar(details, selection);
    new Explorer(place, details, selection);
  } catch (error) {
    place.replaceChildren(element("p", "box", error instanceof Error ? error.message : String(error)));
  }
  document.documentElement.dataset.explored = "yes";
}

function start(): void {
  mountTheme(document.querySelector("header"));
  const run = document.getElementById("run");
  const selection = run ? new Selection() : undefined;
  const data = readPage();
  if (data instanceof Promise) data.then((page) => drawAll(page, selection)).catch(say);
  else drawAll(data, selection);
  if (run && selection) void explore(run, selection);
  mountEmbedded();
}

start();
