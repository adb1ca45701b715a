// SPDX-License-Identifier: Apache-2.0
// Which panels are drawn: the overview, all, or one; a choice appears when there are more than the overview shows.
import type { Figure, Panel } from "../data/types";

export function chooser(figure: Figure, redraw: () => void): HTMLSelectElement | null {
  if (figure.panels.every((panel) => panel.shown)) return null;
  const select = document.createElement("select");
  select.append(new Option("overview", "overview"), new Option(`all ${figure.panels.length} panels`, "all"));
  const groups = new Map<string, HTMLOptGroupElement>();
  figure.panels.forEach((panel, i) => {
    let group = groups.get(panel.group);
    if (!group) {
      group = document.createElement("optgroup");
      group.label = panel.group || "one panel";
      groups.set(panel.group, group);
      select.append(group);
    }
    group.append(new Option(panel.title, String(i)));
  });
  select.addEventListener("change", redraw);
  return select;
}

export function chosen(figure: Figure, choice: string): Panel[] {
  if (choice === "all") return figure.panels;
  if (choice === "overview") return figure.panels.filter((panel) => panel.shown);
  return [figure.panels[Number(choice)]];
}
