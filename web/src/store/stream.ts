/** The event stream of the server: reads, reconnects, and says whether the page is live. */
import { signal } from "@preact/signals";
import { RequestError, request } from "./client.ts";
import { EventParser, type Message } from "./events.ts";

export type Connection =
  | { state: "connecting" }
  | { state: "live" }
  | { state: "disconnected"; since: number; reason: string }
  | { state: "denied"; status: number; reason: string };

export const connection = signal<Connection>({ state: "connecting" });

/** The server sends a comment every 10 seconds; after this silence the connection is considered dead. */
const SILENCE_MS = 25_000;
const RETRY_MS = [250, 500, 1000, 2000, 4000, 8000];

export class Stream {
  private readonly path: string;
  private readonly receive: (message: Message) => void;
  private lastId: string | null = null;
  private failures = 0;
  private closed = false;
  private abort = new AbortController();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(path: string, receive: (message: Message) => void) {
    this.path = path;
    this.receive = receive;
    addEventListener("online", this.retryNow);
    void this.run();
  }

  close(): void {
    this.closed = true;
    removeEventListener("online", this.retryNow);
    clearTimeout(this.timer);
    this.abort.abort();
  }

  readonly retryNow = (): void => {
    if (this.timer === undefined) return;
    clearTimeout(this.timer);
    this.timer = undefined;
    void this.run();
  };

  private async run(): Promise<void> {
    this.abort = new AbortController();
    let reason = "the server closed the connection";
    try {
      await this.read();
    } catch (error) {
      if (this.closed) return;
      if (error instanceof RequestError && [400, 401, 403, 404, 421].includes(error.status)) {
        connection.value = { state: "denied", status: error.status, reason: error.message };
        return;
      }
      reason = error instanceof RequestError ? error.message : "the server does not answer";
    }
    if (this.closed) return;
    const previous = connection.value;
    connection.value = {
      state: "disconnected",
      since: previous.state === "disconnected" ? previous.since : Date.now(),
      reason,
    };
    const wait = RETRY_MS[Math.min(this.failures++, RETRY_MS.length - 1)]!;
    this.timer = setTimeout(this.retryNow, wait * (0.75 + Math.random() / 2));
  }

  private async read(): Promise<void> {
    const headers: Record<string, string> = { Accept: "text/event-stream" };
    if (this.lastId !== null) headers["Last-Event-ID"] = this.lastId;
    const silence = { timer: setTimeout(() => this.abort.abort(), SILENCE_MS) };
    try {
      const response = await request(this.path, { headers, signal: this.abort.signal });
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new EventParser();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(silence.timer);
        silence.timer = setTimeout(() => this.abort.abort(), SILENCE_MS);
        this.failures = 0;
        for (const message of parser.push(value)) {
          this.receive(message);
          this.lastId = message.id ?? this.lastId; // only now: what was received is what was applied
        }
        if (connection.value.state !== "live") connection.value = { state: "live" };
      }
    } finally {
      clearTimeout(silence.timer);
    }
  }
}
