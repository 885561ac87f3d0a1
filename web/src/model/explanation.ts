/** Asks the model. Answers are kept until the reader asks again: each one costs a fit of the model. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { SweepPage, SweepRow } from "../api.ts";
import { keyOf } from "../store/changes.ts";
import { postJson, RequestError, sweepPath } from "../store/client.ts";
import { page, report, server } from "../store/store.ts";
import { explainCommand, explainRunCommand } from "../text/commands.ts";
import { type Ask, embedded } from "./questions.ts";

export interface Answer<T> {
  state: "waiting" | "ready" | "failed";
  /** The newest answer, also while the next one is awaited. */
  value: T | null;
  /** Why there is none, and what to do. */
  reason: string;
  /** Number of finished runs when it was asked for. */
  finished: number;
}

const answers = signal<ReadonlyMap<string, Answer<unknown>>>(new Map());
const NONE: Answer<never> = { state: "waiting", value: null, reason: "", finished: 0 };

function put(key: string, answer: Answer<unknown>): void {
  const next = new Map(answers.peek());
  next.set(key, answer);
  answers.value = next;
}

async function ask(key: string, question: Ask): Promise<void> {
  const now = page.peek();
  if (!now) return;
  const finished = now.row.counts.finished;
  const before = answers.peek().get(key);
  put(key, { state: "waiting", value: before?.value ?? null, reason: "", finished });
  try {
    put(key, { state: "ready", value: await answered(now.row, question), reason: "", finished });
  } catch (error) {
    const reason = (error as Error).message;
    const remedy = error instanceof RequestError ? "" : ` Run: ${commandFor(now, question)}`;
    put(key, { state: "failed", value: null, reason: `${reason}${remedy}`, finished });
  }
}

async function answered(row: SweepRow, question: Ask): Promise<unknown> {
  const document = report.peek();
  if (document) return embedded(document.explanations, question);
  if (server.peek()?.models === false) throw new Error("This server has no optimizer.");
  return postJson(sweepPath(row.namespace, row.name, "/explain"), question);
}

/** The command that answers the question. */
function commandFor({ row, runs }: SweepPage, question: Ask): string {
  const run = question.what === "why" && runs.find(({ name }) => name === question.run);
  if (run) return explainRunCommand(row, run);
  if (question.what === "contour") return explainCommand(row, "--contour", question.x, question.y);
  if (question.what === "outlook") return explainCommand(row, "--runs", `${question.runs}`);
  return explainCommand(row);
}

/** The answer to a question about the open sweep, and a function that asks again. */
export function useExplanation<T>(question: Ask | null): Answer<T> & { again: () => void } {
  const row = page.value?.row;
  const key = row && question ? `${keyOf(row)} ${JSON.stringify(question)}` : "";
  useEffect(() => {
    if (key && question && !answers.peek().has(key)) void ask(key, question);
  }, [key]);
  const answer = (answers.value.get(key) as Answer<T> | undefined) ?? NONE;
  return { ...answer, again: () => (question ? void ask(key, question) : undefined) };
}
