/** Rows and bars of the timeline, and the time that runs spent waiting. Times are milliseconds since the epoch. */
import type { RunRow } from "../api.ts";

export type Phase = RunRow["phases"][number]["phase"];

/** In the order in which a run passes through them. */
export const PHASES: readonly Phase[] = ["queued", "pulling", "starting", "training", "evaluating", "retrying"];
/** Without starting: whether the run waits or works is not recorded yet. */
export const WAITS: readonly Phase[] = ["queued", "pulling", "retrying"];

export interface Bar {
  run: string;
  phase: Phase;
  stage: string;
  attempt: number;
  node: string | null;
  start: number;
  end: number;
  open: boolean;
}

export interface Lane {
  label: string;
  /** The run that the lane shows; null for a lane of a node. */
  run: string | null;
  bars: Bar[];
}

export type Range = readonly [start: number, end: number];

/** One bar per phase of the runs. A phase that has not ended reaches until now, unless its run is over. */
export function barsOf(runs: readonly RunRow[], now: number): Bar[] {
  return runs.flatMap((run) =>
    run.phases.map((phase) => {
      const start = Date.parse(phase.start);
      const over = phase.end ?? run.ended;
      return {
        run: run.name,
        phase: phase.phase,
        stage: phase.stage,
        attempt: phase.attempt,
        node: phase.node,
        start,
        end: Math.max(start, over === null ? now : Date.parse(over)),
        open: over === null,
      };
    }),
  );
}

/** The newest time that is known of the runs: what is open in an interrupted sweep has not gone on since then. */
export function lastKnown(runs: readonly RunRow[]): number {
  const times = runs.flatMap((run) => [
    ...run.phases.map((phase) => Date.parse(phase.end ?? phase.start)),
    ...(run.progress ? [Date.parse(run.progress.updated)] : []),
  ]);
  return times.reduce((latest, time) => Math.max(latest, time), 0);
}

/** One lane per run, newest first. */
export function lanesByRun(runs: readonly RunRow[], bars: readonly Bar[]): Lane[] {
  const own = Map.groupBy(bars, (bar) => bar.run);
  const lanes = runs.map((run) => ({ label: run.label, run: run.name, bars: own.get(run.name) ?? [] }));
  return lanes.filter((lane) => lane.bars.length > 0).sort((a, b) => first(b.bars) - first(a.bars));
}

/** As many lanes per node as it had pods at the same time. Phases without a node are omitted. */
export function lanesByNode(bars: readonly Bar[]): Lane[] {
  const placed = Map.groupBy(
    bars.filter((bar) => bar.node !== null),
    (bar) => bar.node as string,
  );
  return [...placed.keys()].sort().flatMap((node) => {
    const rows: Bar[][] = [];
    for (const bar of [...(placed.get(node) ?? [])].sort((a, b) => a.start - b.start)) {
      const free = rows.find((row) => row[row.length - 1]!.end <= bar.start);
      if (free) free.push(bar);
      else rows.push([bar]);
    }
    return rows.map((row, at) => ({ label: rows.length > 1 ? `${node} (${at + 1})` : node, run: null, bars: row }));
  });
}

export interface Waiting {
  /** Seconds per phase, over all runs. */
  seconds: Record<Phase, number>;
  waited: number;
  worked: number;
  /** Share of the time of all runs that was spent waiting; null before any run has started. */
  share: number | null;
}

export function waitingOf(bars: readonly Bar[]): Waiting {
  const seconds = { queued: 0, pulling: 0, starting: 0, training: 0, evaluating: 0, retrying: 0 };
  for (const bar of bars) seconds[bar.phase] += (bar.end - bar.start) / 1000;
  const waited = WAITS.reduce((sum, p) => sum + seconds[p], 0);
  const worked = seconds.training + seconds.evaluating;
  return { seconds, waited, worked, share: waited + worked > 0 ? waited / (waited + worked) : null };
}

export interface Waiter {
  run: RunRow;
  phase: Phase;
  since: number;
}

/** The runs that are waiting now, longest first. */
export function waitersOf(runs: readonly RunRow[]): Waiter[] {
  return runs
    .flatMap((run) => {
      const last = run.phases[run.phases.length - 1];
      if (run.group !== "waiting" || !last || last.end !== null || !WAITS.includes(last.phase)) return [];
      return [{ run, phase: last.phase, since: Date.parse(last.start) }];
    })
    .sort((a, b) => a.since - b.since);
}

/** From the first bar to now; at least one second. */
export function wholeRange(bars: readonly Bar[], now: number): Range {
  const start = first(bars);
  const end = bars.reduce((latest, bar) => Math.max(latest, bar.end), start);
  const until = bars.some((bar) => bar.open) ? Math.max(end, now) : end;
  return Number.isFinite(start) ? [start, Math.max(until, start + 1000)] : [now - 1000, now];
}

/** The range after zooming by a factor (below 1: closer) around a point in time, within `whole`. */
export function zoomed(range: Range, factor: number, around: number, whole: Range): Range {
  const length = Math.min(Math.max((range[1] - range[0]) * factor, 1000), whole[1] - whole[0]);
  const share = range[1] > range[0] ? (around - range[0]) / (range[1] - range[0]) : 0.5;
  return within([around - share * length, around + (1 - share) * length], whole);
}

export function panned(range: Range, by: number, whole: Range): Range {
  return within([range[0] + by, range[1] + by], whole);
}

function within(range: Range, whole: Range): Range {
  const length = range[1] - range[0];
  const start = Math.max(whole[0], Math.min(range[0], whole[1] - length));
  return [start, start + length];
}

function first(bars: readonly Bar[]): number {
  return bars.reduce((earliest, bar) => Math.min(earliest, bar.start), Infinity);
}
