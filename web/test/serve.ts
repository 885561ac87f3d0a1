/** Serves the built page with made-up data: `python web/build.py run sample [runs]`, then open http://127.0.0.1:8266/. */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { ActionAnswer, Server, SweepPage } from "../src/api.ts";
import { explained } from "./explained.ts";
import { failingPage, hostilePage } from "./odd.ts";
import { sampleCurves, samplePage, sampleRunPage } from "./sample.ts";

const BUNDLE = new URL("../../operator/sweep_operator/ui/bundle/", import.meta.url);
const FILES: Record<string, [string, string]> = {
  "/": ["index.html", "text/html"],
  "/app.js": ["app.js", "text/javascript"],
  "/app.css": ["app.css", "text/css"],
};
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const count = Number(process.argv[2] ?? 200);
const all = [
  samplePage(count),
  samplePage(12, 2, "small"),
  samplePage(0, 3, "empty"),
  failingPage(25),
  hostilePage(30),
];
const pages = new Map<string, SweepPage>(all.map((page) => [page.row.name, page]));
const server: Server = { mode: "machine", write: true, version: "0.1.0", command: "sweep", models: true };

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

function events(request: IncomingMessage, response: ServerResponse, sweep: string): void {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  const snapshot = {
    sweeps: [...pages.values()].map((p) => p.row),
    page: pages.get(sweep.split("/")[1] ?? "") ?? null,
  };
  const curves = snapshot.page ? sampleCurves(snapshot.page) : { items: {} };
  response.write(`event: snapshot\ndata: ${JSON.stringify(snapshot)}\n\n`);
  response.write(`id: 1-1\nevent: curves\ndata: ${JSON.stringify(curves)}\n\n`);
  const beat = setInterval(() => response.write(": still here\n\n"), 10_000);
  request.on("close", () => clearInterval(beat));
}

function withBody(request: IncomingMessage, then: (body: Record<string, unknown>) => void): void {
  let text = "";
  request.on("data", (part) => (text += part)).on("end", () => then(JSON.parse(text)));
}

function acted(body: Record<string, unknown>): ActionAnswer {
  return {
    command: `sweep ${body.action} ${body.sweep} ${body.run ?? ""}`,
    notes: [],
    predictedCost: { low: 90, median: 120, high: 160, unit: "seconds" },
    message: body.preview ? null : "run sample.r.500 was created",
  };
}

/** A program that prints a line per second. */
function log(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/plain; charset=utf-8" });
  let step = 0;
  const line = () =>
    response.write(`step ${step} SWEEP_REPORT {"step": ${step}, "return": ${(step++ * 0.37).toFixed(2)}}\n`);
  for (let i = 0; i < 300; i++) line();
  const timer = setInterval(line, 1000);
  request.on("close", () => clearInterval(timer));
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://127.0.0.1");
  const file = FILES[url.pathname];
  if (file) {
    response
      .writeHead(200, { "Content-Type": file[1], "Content-Security-Policy": POLICY })
      .end(readFileSync(new URL(file[0], BUNDLE)));
    return;
  }
  const [, api, kind, , name = "", what, run = ""] = url.pathname.split("/").map(decodeURIComponent);
  const page = pages.get(name);
  if (api !== "api") json(response, { error: "not found" }, 404);
  else if (kind === "actions") withBody(request, (body) => json(response, acted(body)));
  else if (kind === "server") json(response, server);
  else if (kind === "events") events(request, response, url.searchParams.get("sweep") ?? "");
  else if (kind === "sweeps" && !name) json(response, { items: [...pages.values()].map((p) => p.row), unreadable: [] });
  else if (!page) json(response, { error: `sweep ${name} does not exist` }, 404);
  else if (what === "explain") withBody(request, (body) => json(response, explained(page, body)));
  else if (what === "curves") json(response, sampleCurves(page));
  else if (what === "runs" && url.pathname.endsWith("/log")) log(request, response);
  else if (what === "runs") {
    const row = page.runs.find((r) => r.name === run);
    json(response, row ? sampleRunPage(page, row) : { error: `run ${run} does not exist` }, row ? 200 : 404);
  } else json(response, page);
}

const port = Number(process.env.PORT ?? 8266);
createServer(answer).listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${port}/#/s/default/sample`));
