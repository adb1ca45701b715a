// SPDX-License-Identifier: Apache-2.0
// The data inside the page: JSON as it is, or gzip in base64 where it is large.
import type { PageData } from "./types";

export const kTooOld = "This browser cannot unpack the data of this page (it has no DecompressionStream). Chrome and Edge 80, Safari 16.4, Firefox 113 and later can.";

export async function unpack<T>(base64: string): Promise<T> {
  if (typeof DecompressionStream === "undefined") throw new Error(kTooOld);
  const text = atob(base64.trim());
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; ++i) bytes[i] = text.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text()) as T;
}

export function inside(id: string): string | null {
  return document.getElementById(id)?.textContent ?? null;
}

// At once where it can be: a page with plain data is drawn before it is first shown.
export function readPage(): PageData | Promise<PageData> {
  const packed = inside("page-data-packed");
  return packed === null ? JSON.parse(inside("page-data") ?? "{}") as PageData : unpack<PageData>(packed);
}
