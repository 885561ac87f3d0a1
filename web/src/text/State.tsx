import type { RunRow, SweepRow } from "../api.ts";
import { visible } from "./format.ts";
import { Text } from "./Text.tsx";

/** Symbol and word, so that the state does not depend on color. */
export function State({ row }: { row: SweepRow }) {
  const kind =
    row.suspended || row.interrupted
      ? "waiting"
      : !row.ended
        ? "running"
        : /fail|error/i.test(row.state)
          ? "failed"
          : "good";
  return <Badge kind={kind} text={row.state} title={row.message} />;
}

const GROUPS: Record<RunRow["group"], Kind> = {
  succeeded: "good",
  failed: "failed",
  pruned: "pruned",
  running: "running",
  waiting: "waiting",
  stopped: "waiting",
};

export function RunState({ run }: { run: RunRow }) {
  return <Badge kind={GROUPS[run.group]} text={run.state} title={run.failure?.message ?? run.verdict?.text ?? ""} />;
}

type Kind = "good" | "failed" | "pruned" | "running" | "waiting";

export function Badge({ kind, text, title }: { kind: Kind; text: string; title?: string }) {
  return (
    <span class={`state ${kind}`} title={title && visible(title, 500)}>
      <svg width="10" height="10" viewBox="-5 -5 10 10" aria-hidden="true">
        {kind === "failed" ? (
          <path d="M-3-3L3 3M-3 3L3-3" class="stroke" />
        ) : kind === "pruned" ? (
          <rect x="-3" y="-3" width="6" height="6" class="solid" />
        ) : kind === "good" ? (
          <circle r="3.5" class="solid" />
        ) : (
          <circle r="3" class="stroke" />
        )}
      </svg>
      <Text value={text} limit={40} />
    </span>
  );
}
