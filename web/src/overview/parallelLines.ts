/** The lines of parallel coordinates: one per run. */
import type { SweepPage } from "../api.ts";
import type { Palette } from "../charts/palette.ts";
import { crossings, HEIGHT, type ParallelAxis, shares } from "./parallel.ts";

export interface Line {
  name: string;
  share: number | null;
  failed: boolean;
  at: Float32Array;
}

/** The runs in the order in which they are drawn: without a score first, the best last. */
export function linesOf(page: SweepPage, axes: ParallelAxis[]): Line[] {
  const at = crossings(page.runs, axes, HEIGHT);
  const rank = shares(page);
  return page.runs
    .map((run, r) => ({
      name: run.name,
      share: rank.get(run.name) ?? null,
      failed: run.group === "failed",
      at: at.subarray(r * axes.length, (r + 1) * axes.length),
    }))
    .sort((a, b) => (a.share ?? -1) - (b.share ?? -1));
}

/** What the filter excludes. */
export function drawFaded(context: CanvasRenderingContext2D, lines: Line[], spacing: number, colors: Palette): void {
  context.strokeStyle = colors.line;
  context.globalAlpha = lines.length > 1000 ? 0.25 : 0.5;
  for (const line of lines) stroke(context, line.at, spacing);
}

interface Colors {
  colors: Palette;
  /** From the worst to the best score. */
  steps: string[];
}

export function drawLines(
  context: CanvasRenderingContext2D,
  lines: Line[],
  spacing: number,
  { colors, steps }: Colors,
): void {
  const alpha = Math.min(0.8, 12 / Math.sqrt(lines.length));
  for (const { at, share, failed } of lines) {
    const top = share !== null && share > 0.98;
    const color = failed ? colors.failed : colors.waiting;
    context.strokeStyle = share === null ? color : steps[Math.round(share * (steps.length - 1))]!;
    context.globalAlpha = top ? 0.9 : failed ? alpha / 2 : alpha;
    context.lineWidth = top ? 1.6 : 1;
    stroke(context, at, spacing);
  }
}

function stroke(context: CanvasRenderingContext2D, at: Float32Array, spacing: number): void {
  context.beginPath();
  context.moveTo(0, at[0]!);
  for (let i = 1; i < at.length; i += 1) context.lineTo(i * spacing, at[i]!);
  context.stroke();
}
