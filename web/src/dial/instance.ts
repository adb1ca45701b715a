// SPDX-License-Identifier: Apache-2.0
// One instance of web/wasm/exports.cc: texts in and out of its memory, and the little that its libc asks of a system.
import { EngineError } from "./engine";

interface Exports {
  memory: WebAssembly.Memory;
  _initialize(): void;
  text_new(bytes: number): number;
  text_delete(text: number): void;
  dial_new(config: number): number;
  dial_delete(dial: number): void;
  dial_advance(dial: number, steps: number): void;
  dial_set_decay(dial: number, decay: number): void;
  dial_done(dial: number): number;
  dial_frame(dial: number): number;
}

const kLongestSlice = 1 << 20;  // steps

export class Instance {
  private readonly exports: Exports;
  private dial = 0;
  private perStep = 1;  // ms, a running guess

  // Module: compiled engine.wasm.
  constructor(module: WebAssembly.Module) {
    const nothing = () => 0;
    const imports = {
      env: { refuse: (kind: number, text: number) => { throw new EngineError(this.read(kind), this.read(text)); } },
      wasi_snapshot_preview1: {
        environ_get: nothing,
        environ_sizes_get: (count: number, bytes: number) => { this.write32(count, 0); this.write32(bytes, 0); return 0; },
        clock_time_get: (_id: number, _precision: bigint, at: number) => {
          new DataView(this.exports.memory.buffer).setBigInt64(at, BigInt(Math.round(performance.now() * 1e6)), true);
          return 0;
        },
        fd_close: nothing,
        fd_seek: nothing,
        fd_write: (_file: number, pieces: number, count: number, written: number) => this.discard(pieces, count, written),
        proc_exit: (code: number) => { throw new EngineError("internal", `the engine ended with code ${code}`); },
      },
    };
    this.exports = new WebAssembly.Instance(module, imports).exports as unknown as Exports;
    this.exports._initialize();
  }

  // The frame of step 0. The one dial of this instance: begin() is called once.
  begin(config: object): string {
    const text = this.put(JSON.stringify(config));
    this.dial = this.exports.dial_new(text);
    this.exports.text_delete(text);
    return this.frame();
  }

  // Trains for about that many milliseconds, at least one step.
  advance(milliseconds: number): string {
    const end = performance.now() + milliseconds;
    do {
      const before = performance.now();
      const steps = Math.max(1, Math.min(kLongestSlice, Math.floor((end - before) / 2 / this.perStep)));
      this.exports.dial_advance(this.dial, steps);
      this.perStep = Math.max(1e-4, (performance.now() - before) / steps);
    } while (performance.now() < end && !this.exports.dial_done(this.dial));
    return this.frame();
  }

  advanceSteps(steps: number): string {
    this.exports.dial_advance(this.dial, Math.min(Math.max(0, Math.floor(steps)), 2 ** 31 - 1));
    return this.frame();
  }

  setDecay(decay: number): string {
    this.exports.dial_set_decay(this.dial, decay);
    return this.frame();
  }

  private frame(): string {
    return this.read(this.exports.dial_frame(this.dial));
  }

  private put(text: string): number {
    const bytes = new TextEncoder().encode(text);
    const at = this.exports.text_new(bytes.length + 1);
    const memory = new Uint8Array(this.exports.memory.buffer, at, bytes.length + 1);
    memory.set(bytes);
    memory[bytes.length] = 0;
    return at;
  }

  private read(at: number): string {
    const memory = new Uint8Array(this.exports.memory.buffer);
    return new TextDecoder().decode(memory.subarray(at, memory.indexOf(0, at)));
  }

  private write32(at: number, value: number): void {
    new DataView(this.exports.memory.buffer).setUint32(at, value, true);
  }

  // Only a failed assertion prints.
  private discard(pieces: number, count: number, written: number): number {
    const memory = new DataView(this.exports.memory.buffer);
    let bytes = 0;
    for (let k = 0; k < count; ++k) bytes += memory.getUint32(pieces + 8 * k + 4, true);
    this.write32(written, bytes);
    return 0;
  }
}
