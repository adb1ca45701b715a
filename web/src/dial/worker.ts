// SPDX-License-Identifier: Apache-2.0
// The engine off the page's thread. Messages: {id, name, value}, answered by {id, frame} (its JSON) or {id, kind, text}.
import { Instance } from "./instance";
import { EngineError } from "./engine";

let module: WebAssembly.Module | null = null;
let instance: Instance | null = null;

async function answer(name: string, value: unknown): Promise<string> {
  if (name === "load") {
    module = await WebAssembly.compile(value as ArrayBuffer);
    return "null";
  }
  if (name === "start") {
    instance = new Instance(module!);  // the memory of the run before is let go
    return instance.begin(value as object);
  }
  if (!instance) throw new EngineError("usage", "nothing was started");
  if (name === "advance") return instance.advance(value as number);
  if (name === "advanceSteps") return instance.advanceSteps(value as number);
  return instance.setDecay(value as number);
}

self.onmessage = async (event: MessageEvent<{ id: number; name: string; value: unknown }>) => {
  const { id, name, value } = event.data;
  try {
    self.postMessage({ id, frame: await answer(name, value) });
  } catch (error) {
    instance = null;
    self.postMessage({ id, kind: error instanceof EngineError ? error.kind : "internal", text: String((error as Error).message ?? error) });
  }
};
