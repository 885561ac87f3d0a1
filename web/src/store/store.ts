/** What the page knows. Live, it follows the server's event stream; in a report it reads the embedded document. */
import { batch, computed, effect, signal, untracked } from "@preact/signals";
import type {
  Curves,
  PageChange,
  Report,
  RunPage,
  Server,
  Snapshot,
  SweepPage,
  SweepRow,
  SweepsChange,
  UnreadableChange,
} from "../api.ts";
import { go, route } from "../app/router.ts";
import { sweepHref } from "../app/routes.ts";
import { changedCurves, changedPage, changedSweeps, keyOf, sortedRuns, sortedSweeps } from "./changes.ts";
import { getJson, sweepPath } from "./client.ts";
import { unpacked } from "./embedded.ts";
import type { Message } from "./events.ts";
import { own } from "./own.ts";
import { connection, Stream } from "./stream.ts";

export const server = signal<Server | null>(null);
export const sweeps = signal<SweepRow[]>([]);
export const unreadable = signal<string[]>([]);
export const page = signal<SweepPage | null>(null);
export const curves = signal<Curves | null>(null);
/** True once the first snapshot is here: until then an empty list means "not known yet". */
export const loaded = signal(false);
/** Milliseconds of the last message, for "state of 12:03". */
export const updated = signal(0);
/** The document of a report: the block `<script type="application/json" id="data">`. */
export const report = signal<Report | null>(null);

/** Why the server itself has no current data, such as an API server that does not answer; "" if all is well. */
export const trouble = signal("");

export const isReport = computed(() => report.value !== null);
export const canWrite = computed(() => server.value?.write === true && !isReport.value);

let stream: Stream | null = null;

export function start(): void {
  const block = document.getElementById("data");
  if (block?.textContent) void unpacked(block.textContent).then(openReport, unreadableReport);
  else
    effect(() => {
      const key = wanted.value;
      untracked(() => follow(key));
    });
}

function openReport(data: Report): void {
  batch(() => {
    report.value = data;
    server.value = data.server;
    sweeps.value = data.sweeps;
    page.value = { ...data.page, runs: sortedRuns(data.page.runs) };
    curves.value = data.curves;
    loaded.value = true;
    connection.value = { state: "live" };
  });
  if (route.peek().page === "list") go(sweepHref(data.page.row.namespace, data.page.row.name));
}

function unreadableReport(): void {
  const reason = "This browser cannot read the report. Open it with a current version of Chrome, Firefox or Safari.";
  connection.value = { state: "denied", status: 0, reason };
}

/** The sweep whose page is open, as "namespace/name", or "". */
const wanted = computed(() => {
  const now = route.value;
  return now.page === "sweep" || now.page === "run" ? keyOf(now) : "";
});

function follow(key: string): void {
  stream?.close();
  batch(() => {
    if (page.value && keyOf(page.value.row) !== key) {
      page.value = null;
      curves.value = null;
    }
    loaded.value = false;
    connection.value = { state: "connecting" };
  });
  stream = new Stream(`api/events${key ? `?sweep=${encodeURIComponent(key)}` : ""}`, receive);
  void describeServer();
}

/** Tries to connect again at once, and continues where the connection was lost. */
export function retryNow(): void {
  stream?.retryNow();
}

/** Begins again, with a new token. */
export function reconnect(): void {
  follow(wanted.peek());
}

async function describeServer(): Promise<void> {
  try {
    if (server.peek() === null) server.value = await getJson<Server>("api/server");
  } catch {
    // the event stream reports the same failure, and retries
  }
}

function receive(message: Message): void {
  const data: unknown = JSON.parse(message.data);
  batch(() => {
    updated.value = Date.now();
    if (message.event === "snapshot") snapshot(data as Snapshot);
    else if (message.event === "trouble") trouble.value = (data as { message: string }).message;
    else if (message.event === "unreadable") unreadable.value = (data as UnreadableChange).items;
    else if (message.event === "sweeps") sweepsChanged(data as SweepsChange);
    else if (message.event === "page") page.value = changedPage(page.value, data as PageChange);
    else if (message.event === "curves") curves.value = changedCurves(curves.value, data as Curves);
  });
}

function sweepsChanged(change: SweepsChange): void {
  sweeps.value = changedSweeps(sweeps.value, change);
  if (change.deleted.includes(wanted.peek())) page.value = null;
}

function snapshot(data: Snapshot): void {
  sweeps.value = sortedSweeps(data.sweeps);
  page.value = data.page && { ...data.page, runs: sortedRuns(data.page.runs) };
  curves.value = { items: {} }; // those of all runs follow
  loaded.value = true;
  unreadable.value = []; // if it is not so, the server says so again, as it does of trouble
  trouble.value = "";
  if (server.peek() === null) void describeServer();
}

/** The page of a run: fetched, or from the report. */
export async function loadRun(namespace: string, name: string, run: string, signal?: AbortSignal): Promise<RunPage> {
  const embedded = report.peek();
  if (embedded) {
    const [details, row] = [own(embedded.runs, run), embedded.page.runs.find((r) => r.name === run)];
    if (!details || !row) throw new Error(`run ${run} is not in this report`);
    return { ...details, row };
  }
  return getJson<RunPage>(sweepPath(namespace, name, `/runs/${encodeURIComponent(run)}`), signal);
}

/** Fetches any sweep without following it: for the comparison. */
export async function loadSweep(key: string, signal?: AbortSignal): Promise<SweepPage> {
  const [namespace = "", name = ""] = key.split("/", 2);
  return getJson<SweepPage>(sweepPath(namespace, name), signal);
}
