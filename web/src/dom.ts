// SPDX-License-Identifier: Apache-2.0
export function element(name: string, css: string, text = ""): HTMLElement {
  const out = document.createElement(name);
  if (css) out.className = css;
  if (text) out.textContent = text;
  return out;
}

export function button(text: string, label: string, act: () => void): HTMLButtonElement {
  const out = document.createElement("button");
  out.type = "button";
  out.textContent = text;
  if (label !== text) out.setAttribute("aria-label", label);
  out.addEventListener("click", act);
  return out;
}
