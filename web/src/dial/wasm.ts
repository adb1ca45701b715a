// SPDX-License-Identifier: Apache-2.0
// The real engine compiled to WebAssembly, in a worker where the browser allows one, else on the page's own thread.
import { type Config, type DialEngine, EngineError, type Frame } from "./engine";
import { Instance } from "./instance";
import EngineWorker from "./worker?worker&inline";

const kLongestOnPage = 35;   // ms of one slice on the page's thread: it stays responsive
const kPatience = 20_000;    // ms until a worker that says nothing is given up

// engine.wasm as the page carries it: base64, gzipped when the element says data-encoding="gzip".
export async function embeddedEngine(): Promise<ArrayBuffer> {
  const element = document.getElementById("engine-wasm");
  if (!element?.textContent?.trim()) throw new EngineError("unsupported", "this page carries no engine; make it again with `superpose report`");
  const text = atob(element.textContent.trim());
  const bytes = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
  if (element.dataset.encoding !== "gzip") return bytes.buffer;
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}

interface Asker {
  ask(name: string, value: unknown): Promise<string>;
  readonly slice: number;  // ms, longest
}

class OnPage implements Asker {
  readonly slice = kLongestOnPage;
  private instance: Instance | null = null;
  constructor(private readonly module: WebAssembly.Module) {}

  async ask(name: string, value: unknown): Promise<string> {
    await new Promise((resolve) => setTimeout(resolve, 0));  // the page's turn
    if (name === "start") this.instance = null;
    try {
      if (name === "start") return (this.instance = new Instance(this.module)).begin(value as object);
      if (!this.instance) throw new EngineError("usage", "nothing was started");
      if (name === "advance") return this.instance.advance(value as number);
      if (name === "advanceSteps") return this.instance.advanceSteps(value as number);
      return this.instance.setDecay(value as number);
    } catch (error) {
      this.instance = null;
      throw error;
    }
  }
}

class InWorker implements Asker {
  readonly slice = Infinity;
  private next = 1;
  private readonly waiting = new Map<number, { resolve(frame: string): void; reject(error: EngineError): void }>();

  constructor(private readonly worker: Worker) {
    worker.onmessage = (event) => {
      const { id, frame, kind, text } = event.data as { id: number; frame?: string; kind?: string; text?: string };
      const asked = this.waiting.get(id);
      this.waiting.delete(id);
      if (frame !== undefined) asked?.resolve(frame);
      else asked?.reject(new EngineError(kind ?? "internal", text ?? "the engine stopped"));
    };
    worker.onerror = (event) => {
      event.preventDefault();
      for (const asked of this.waiting.values()) asked.reject(new EngineError("internal", event.message || "the worker stopped"));
      this.waiting.clear();
    };
  }

  ask(name: string, value: unknown): Promise<string> {
    return new Promise((resolve, reject) => {
      this.waiting.set(this.next, { resolve, reject });
      this.worker.postMessage({ id: this.next++, name, value });
    });
  }
}

async function startWorker(bytes: ArrayBuffer): Promise<Asker | null> {
  let worker: Worker | null = null;
  try {
    worker = new EngineWorker();
    const inWorker = new InWorker(worker);
    const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error("late")), kPatience));
    await Promise.race([inWorker.ask("load", bytes), late]);
    return inWorker;
  } catch {
    worker?.terminate();
    return null;  // a policy or an old browser forbids it: the page's own thread will do
  }
}

export class WasmEngine implements DialEngine {
  where = "in this page (WebAssembly)";
  private asker: Promise<Asker> | null = null;

  constructor(private readonly load: () => Promise<ArrayBuffer> = embeddedEngine) {}

  start(config: Config): Promise<Frame> {
    return this.ask("start", config);
  }
  advance(milliseconds: number): Promise<Frame> {
    return this.ask("advance", milliseconds);
  }
  advanceSteps(steps: number): Promise<Frame> {
    return this.ask("advanceSteps", steps);
  }
  setDecay(decay: number): Promise<Frame> {
    return this.ask("setDecay", decay);
  }
  async stop(): Promise<void> {}

  private async ask(name: string, value: unknown): Promise<Frame> {
    this.asker ??= this.prepare();
    const asker = await this.asker;
    const asked = name === "advance" ? Math.min(value as number, asker.slice) : value;
    return JSON.parse(await asker.ask(name, asked)) as Frame;
  }

  private async prepare(): Promise<Asker> {
    const bytes = await this.load();
    const worker = await startWorker(bytes);
    if (worker) return worker;
    this.where = "in this page (WebAssembly, on the page's own thread)";
    return new OnPage(await WebAssembly.compile(bytes));
  }
}
