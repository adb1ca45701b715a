// SPDX-License-Identifier: Apache-2.0
// Light, dark, or as the system says. Kept for the next visit where the browser lets a page keep something.
import { element } from "./dom";

const kKey = "superpose-theme";
const choices: [value: string, name: string][] = [["", "as the system"], ["light", "light"], ["dark", "dark"]];

function stored(): string {
  try {
    return localStorage.getItem(kKey) ?? "";
  } catch {
    return "";  // a file or a browser that keeps nothing
  }
}

function keep(value: string): void {
  try {
    localStorage.setItem(kKey, value);
  } catch {
    // then it lasts as long as the page
  }
}

function apply(value: string): void {
  if (value === "light" || value === "dark") document.documentElement.dataset.theme = value;
  else delete document.documentElement.dataset.theme;
}

export function mountTheme(place: Element | null): void {
  apply(stored());
  if (!place) return;
  const select = document.createElement("select");
  for (const [value, name] of choices) select.append(new Option(name, value));
  select.value = stored();
  select.addEventListener("change", () => { apply(select.value); keep(select.value); });
  const label = element("label", "theme", "Colours: ");
  label.append(select);
  place.append(label);
}
