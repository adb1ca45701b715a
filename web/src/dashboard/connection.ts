// SPDX-License-Identifier: Apache-2.0
// Keeps the model up to date: the table once, then events. Nothing is lost: a table says which event it includes, the
// stream goes on behind that one, and whatever cannot be continued begins again with the table.
import { decode, type Live, type Model, type Run, type Table } from "./model";

const kSilence = 10000;  // ms: the server gives a sign of life every 3 s
const kHidden = 60000;   // ms: browsers allow few connections per server, and a tab that nobody sees needs none

export class Connection {
  private source: EventSource | null = null;
  private last = "";
  private heard = 0;
  private attempts = 0;
  private hiddenSince = 0;
  private retry = 0;

  constructor(private readonly model: Model) {
    setInterval(() => this.watch(), 2000);
    document.addEventListener("visibilitychange", () => {
      this.hiddenSince = document.hidden ? Date.now() : 0;
      if (!document.hidden && !this.source && !this.retry) this.follow();
    });
  }

  async load(): Promise<void> {
    this.close();
    try {
      const answer = await fetch("/api/runs");
      if (answer.status === 401 || answer.status === 403) return this.refuse(answer);
      if (!answer.ok) throw new Error(String(answer.status));
      const body = await answer.json() as { event: string; runs: Table };
      this.last = body.event;
      this.model.replace(decode(body.runs));
      this.follow();
    } catch {
      this.again();
    }
  }

  private async refuse(answer: Response): Promise<void> {
    const text = await answer.json().then((body) => String(body.error.text), () => "");
    this.model.setState("refused", text);
  }

  private follow(): void {
    this.close();
    this.heard = Date.now();
    const source = new EventSource(`/api/events?since=${encodeURIComponent(this.last)}`);
    this.source = source;
    const on = (name: string, act: (data: string) => void) => source.addEventListener(name, (event) => {
      if (this.source !== source) return;
      this.heard = Date.now();
      if (event.lastEventId) this.last = event.lastEventId;
      act(event.data as string);
    });
    on("runs", (data) => this.model.put((JSON.parse(data) as { runs: Run[] }).runs));
    on("live", (data) => this.model.setLive(JSON.parse(data) as Live));
    on("reset", () => { void this.load(); });
    on("beat", (data) => {
      this.attempts = 0;
      this.model.serverNow = Date.parse((JSON.parse(data) as { now: string }).now);
      this.model.setState("connected");
    });
    source.onerror = () => { if (this.source === source) this.again(); };
  }

  // A pause that grows to 5 s. The table is loaded again when the server says that it must be.
  private again(): void {
    this.close();
    this.model.setState("reconnecting");
    const pause = Math.min(500 * 2 ** this.attempts++, 5000);
    this.retry = window.setTimeout(() => {
      this.retry = 0;
      if (this.last && this.attempts < 3) this.follow(); else void this.load();
    }, pause);
  }

  private watch(): void {
    if (!this.source) return;
    if (document.hidden && this.hiddenSince && Date.now() - this.hiddenSince > kHidden) this.close();
    else if (Date.now() - this.heard > kSilence) this.again();
  }

  private close(): void {
    clearTimeout(this.retry);
    this.retry = 0;
    this.source?.close();
    this.source = null;
  }
}
