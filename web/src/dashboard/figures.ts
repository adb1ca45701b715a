// SPDX-License-Identifier: Apache-2.0
// The figures of the report, made again by the server as runs finish. What did not change stays as it is, with what the
// reader chose in it.
import { byId, el } from "./dom";
import { clock } from "./format";
import type { PageData } from "../data/types";
import { fillNumbers } from "../export/csv";
import { MountedFigure } from "../figures/mount";
import type { Model } from "./model";

interface PageAnswer { title: string; body: string; data: PageData }

const kPause = 4000;

export class Figures {
  private readonly say = el("p", { class: "facts", role: "status" }, "Loading …");
  private readonly page = el("div", { class: "page" });
  private tag = "";
  private versionAsked = -1;
  private busy = false;
  private lastAsked = 0;
  private known = new Map<string, string>();  // figure -> its data

  constructor(private readonly model: Model) {
    byId("view-figures").append(el("div", { class: "tools" }, this.say, el("a", { href: "/report", target: "_blank", rel: "noopener" }, "the whole report as one page")), this.page);
    // Links of the report lead to places on it; the address here is that of the dashboard's view.
    this.page.addEventListener("click", (event) => {
      const link = (event.target as Element).closest<HTMLAnchorElement>('a[href^="#"]');
      if (!link) return;
      event.preventDefault();
      document.getElementById(link.hash.slice(1))?.scrollIntoView();
    });
  }

  // Called whenever the tab is in sight and something changed, and once a second.
  draw(): void {
    const due = this.model.runsVersion !== this.versionAsked || this.tag === "";
    if (this.busy || !due || Date.now() - this.lastAsked < kPause) return;
    void this.ask();
  }

  private async ask(): Promise<void> {
    this.busy = true;
    const version = this.model.runsVersion;
    try {
      const answer = await fetch("/api/page", this.tag ? { headers: { "If-None-Match": this.tag } } : {});
      if (answer.status === 200) {
        const tag = answer.headers.get("ETag") ?? "";
        this.insert(await answer.json() as PageAnswer);
        this.tag = tag;
        this.say.textContent = `As of ${clock(Date.now())}; they follow the runs as these finish.`;
        // The server may have answered with the page of a moment ago and be making the next: asked again soon.
        if (version !== this.versionAsked) this.versionAsked = -1;
      } else if (answer.status === 304) {
        this.versionAsked = version;
      } else {
        const body = await answer.json() as { error?: { text?: string } };
        this.say.textContent = `The figures could not be made: ${body.error?.text ?? answer.status}`;
      }
    } catch {
      // The connection's state says it.
    }
    this.lastAsked = Date.now();
    this.busy = false;
  }

  private mount(figure: PageData["figures"][number], data: PageData): void {
    const place = placeOf(this.page, "figure", figure.id);
    if (place && figure.panels.some((panel) => panel.series.length > 0)) new MountedFigure(figure, place, figure.words ?? data.words);
    const numbers = placeOf(this.page, "numbers", figure.id);
    const details = numbers?.closest("details");
    details?.addEventListener("toggle", () => { if (numbers && details.open && !numbers.hasChildNodes()) fillNumbers(numbers, figure); });
  }

  private insert(answer: PageAnswer): void {
    const fresh = el("div", { class: "page" });
    fresh.innerHTML = answer.body;  // made by superpose/report, which escapes every text of the store
    // Its own head, and what other tabs have: single runs, the dial.
    for (const part of ["header", "#explorer", "#dial"]) fresh.querySelector(part)?.remove();
    const data = new Map(answer.data.figures.map((figure) => [figure.id, JSON.stringify(figure)]));
    const changed = [...data].filter(([id, text]) => this.known.get(id) !== text).map(([id]) => id);
    for (const [id, text] of data) {
      if (this.known.get(id) !== text) continue;
      const old = figureOf(this.page, id);
      const place = figureOf(fresh, id);
      if (old && place) place.replaceWith(old);
    }
    const y = window.scrollY;
    this.page.replaceChildren(...fresh.childNodes);
    this.known = data;
    for (const figure of answer.data.figures) if (changed.includes(figure.id)) this.mount(figure, answer.data);
    window.scrollTo({ top: y, behavior: "instant" });
  }
}

function placeOf(root: HTMLElement, kind: string, id: string): HTMLElement | null {
  return root.querySelector<HTMLElement>(`[data-${kind}="${CSS.escape(id)}"]`);
}

function figureOf(root: HTMLElement, id: string): Element | null {
  return placeOf(root, "figure", id)?.closest("figure") ?? null;
}
