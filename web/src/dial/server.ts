// SPDX-License-Identifier: Apache-2.0
// The engine of `superpose serve`, over HTTP.
import { type Config, type DialEngine, EngineError, type Frame } from "./engine";

interface Answer {
  id?: string;
  frame?: Frame;
  error?: { kind: string; text: string };
}

export class ServerEngine implements DialEngine {
  readonly where = "on the server";
  private id = "";

  // api: where the dials are; headers: what the server asks of every request.
  constructor(private readonly api = "api/dial", private readonly headers: Record<string, string> = {}) {
    addEventListener("pagehide", () => { if (this.id) void fetch(this.place(), { method: "DELETE", headers, keepalive: true }).catch(() => {}); });
  }

  async start(config: Config): Promise<Frame> {
    await this.stop();
    const answer = await this.send("POST", this.api, config);
    this.id = answer.id ?? "";
    return answer.frame!;
  }
  async advance(milliseconds: number): Promise<Frame> {
    return (await this.send("POST", `${this.place()}/advance`, { milliseconds: Math.round(milliseconds) })).frame!;
  }
  async advanceSteps(steps: number): Promise<Frame> {
    return (await this.send("POST", `${this.place()}/advance`, { steps })).frame!;
  }
  async setDecay(decay: number): Promise<Frame> {
    return (await this.send("POST", `${this.place()}/decay`, { decay })).frame!;
  }
  async stop(): Promise<void> {
    if (!this.id) return;
    const place = this.place();
    this.id = "";
    await this.send("DELETE", place).catch(() => {});  // it may have ended it by itself
  }

  private place(): string {
    return `${this.api}/${encodeURIComponent(this.id)}`;
  }

  private async send(method: string, place: string, body?: unknown): Promise<Answer> {
    const headers: Record<string, string> = { ...this.headers };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    let response: Response;
    try {
      response = await fetch(place, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    } catch {
      throw new EngineError("io", "the server does not answer; is `superpose serve` still running?");
    }
    const text = await response.text();
    let answer: Answer = {};
    try {
      answer = text ? JSON.parse(text) as Answer : {};
    } catch {
      throw new EngineError("io", `the server answered ${response.status} with something that is not JSON`);
    }
    if (answer.error) throw new EngineError(answer.error.kind, answer.error.text);
    if (!response.ok) throw new EngineError("io", `the server answered ${response.status}`);
    return answer;
  }
}
