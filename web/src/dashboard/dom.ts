// SPDX-License-Identifier: Apache-2.0
// Elements in one call. Texts are set as text, never as HTML: what a store holds may come from a stranger.
type Child = Node | string | null | undefined | false;

export function el<Name extends keyof HTMLElementTagNameMap>(name: Name, attributes: Record<string, string | boolean> = {}, ...children: Child[]): HTMLElementTagNameMap[Name] {
  const out = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) out.setAttribute(key, "");
    else if (value !== false) out.setAttribute(key, value);
  }
  for (const child of children) if (child !== null && child !== undefined && child !== false) out.append(child);
  return out;
}

export function byId(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`no element #${id}`);
  return found;
}

// Calls `act` in the next frame, once however often it is asked for. In a hidden tab no frame comes: nothing is drawn.
export function eachFrame(act: () => void): () => void {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; act(); });
  };
}

// Sets what differs only, so that a screen reader and the eye are not told what they know.
export function setText(place: HTMLElement, text: string): void {
  if (place.textContent !== text) place.textContent = text;
}
