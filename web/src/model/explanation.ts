/** Asks the model. Answers are kept until the reader asks again: each one costs a fit of the model. */
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { keyOf } from "../store/changes.ts";
import { postJson, sweepPath } from "../store/client.ts";
import { page, report, server } from "../store/store.ts";
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
    const value = report.peek() ? embedded(report.peek()!.explanations, question) : await answered(now.row, question);
    put(key, { state: "ready", value, reason: "", finished });
  } catch (error) {
    put(key, {
      state: "failed",
      value: null,
      reason: error instanceof Error ? error.message : String(error),
      finished,
    });
  }
}

async function answered(
  row: { namespace: string; name: string; displayName: string },
  question: Ask,
): Promise<unknown> {
  const known = server.peek();
  if (known && !known.models) {
    throw new Error(`This server has no optimizer. Run: ${known.command} explain ${row.displayName}`);
  }
  return postJson(sweepPath(row.namespace, row.name, "/explain"), question);
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
