import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { palette, ramp } from "../charts/palette.ts";
import { clamped } from "../charts/scale.ts";
import { canvasBox, prepared, useWidth } from "../charts/useSize.ts";
import { filter, selected, setBrush } from "../store/filter.ts";
import { number, visible } from "../text/format.ts";
import { ABSENT_GAP, axesOf, crossings, type ParallelAxis, shares } from "./parallel.ts";
import { RangeInputs } from "./RangeInputs.tsx";

const HELP =
  "Each line is a run; it crosses each axis at its value. The darker the line (lighter on dark), the better the score. Drag along an axis to keep the runs in that range, in every panel; click the axis to remove the range. “Ranges” does the same with numbers. A line below an axis means that the run has no such value.";
const HEIGHT = 260;
const MARGINS = { left: 46, right: 46, top: 44, bottom: 26 };
const LEAST_SPACING = 96;

/** Parallel coordinates of parameters, cost and score. Its brush filters all panels. */
export function ParallelPlot({ page }: { page: SweepPage }) {
  const ranges = useSignal(false);
  return (
    <Panel
      title="Parameters"
      help={HELP}
      wide
      empty={page.runs.length === 0 && "No run has started yet."}
      controls={
        <button
          type="button"
          class="quiet"
          aria-expanded={ranges.value}
          onClick={() => {
            ranges.value = !ranges.value;
          }}
        >
          Ranges
        </button>
      }
      table={() => ({
        columns: ["Run", ...page.parameters.map((p) => p.label), "Cost", page.row.metric || "Score"],
        rows: page.runs.map((r) => [r.label, ...r.parameters, r.cost, r.score]),
      })}
    >
      {ranges.value && <RangeInputs page={page} />}
      <Coordinates page={page} />
    </Panel>
  );
}

function Coordinates({ page }: { page: SweepPage }) {
  const box = useRef<HTMLDivElement>(null);
  const [below, above] = [useRef<HTMLCanvasElement>(null), useRef<HTMLCanvasElement>(null)];
  const axes = useMemo(() => axesOf(page, HEIGHT), [page]);
  const visibleWidth = useWidth(box);
  const width = Math.max(visibleWidth, MARGINS.left + MARGINS.right + (axes.length - 1) * LEAST_SPACING);
  const spacing = (width - MARGINS.left - MARGINS.right) / Math.max(1, axes.length - 1);
  const lines = useMemo(() => linesOf(page, axes), [page, axes]);
  const [colors, steps, passing] = [palette.value, ramp.value, selected.value];
  const inner = { width: width - MARGINS.left - MARGINS.right, height: HEIGHT + ABSENT_GAP };

  useLayoutEffect(() => {
    if (!below.current || visibleWidth === 0) return;
    const context = prepared(below.current, inner.width, inner.height);
    context.strokeStyle = colors.line;
    context.globalAlpha = lines.length > 1000 ? 0.25 : 0.5;
    if (passing) for (const line of lines) stroke(context, line.at, spacing);
  }, [lines, colors, inner.width, visibleWidth, passing !== null]);

  useLayoutEffect(() => {
    if (!above.current || visibleWidth === 0) return;
    const context = prepared(above.current, inner.width, inner.height);
    const shown = passing ? lines.filter((line) => passing.has(line.name)) : lines;
    const alpha = Math.min(0.8, 12 / Math.sqrt(shown.length));
    for (const line of shown) {
      const top = line.share !== null && line.share > 0.98;
      context.strokeStyle =
        line.share === null
          ? colors[line.failed ? "failed" : "waiting"]
          : steps[Math.round(line.share * (steps.length - 1))]!;
      context.globalAlpha = top ? 0.9 : line.failed ? alpha / 2 : alpha;
      context.lineWidth = top ? 1.6 : 1;
      stroke(context, line.at, spacing);
    }
  }, [lines, colors, steps, inner.width, visibleWidth, passing]);

  return (
    <div
      class="parallel-scroll"
      ref={box}
      tabIndex={width > visibleWidth ? 0 : -1}
      role="group"
      aria-label="Parallel coordinates; the button Ranges sets the filter by keyboard"
    >
      <div class="plot parallel" style={{ width: `${width}px`, height: `${HEIGHT + MARGINS.top + MARGINS.bottom}px` }}>
        <canvas
          ref={below}
          aria-hidden="true"
          style={canvasBox(MARGINS.left, MARGINS.top, inner.width, inner.height)}
        />
        <canvas
          ref={above}
          aria-hidden="true"
          style={canvasBox(MARGINS.left, MARGINS.top, inner.width, inner.height)}
        />
        <svg
          width={width}
          height={HEIGHT + MARGINS.top + MARGINS.bottom}
          role="img"
          aria-label={`Parallel coordinates of ${page.runs.length} runs with ${axes.length} axes`}
        >
          {axes.map((axis, i) => (
            <Axis
              key={axis.id}
              axis={axis}
              x={MARGINS.left + i * spacing}
              spacing={spacing}
              index={i}
              last={i === axes.length - 1}
            />
          ))}
        </svg>
      </div>
    </div>
  );
}

interface Line {
  name: string;
  share: number | null;
  failed: boolean;
  at: Float32Array;
}

/** The runs in the order in which they are drawn: without a score first, the best last. */
function linesOf(page: SweepPage, axes: ParallelAxis[]): Line[] {
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

function stroke(context: CanvasRenderingContext2D, at: Float32Array, spacing: number): void {
  context.beginPath();
  context.moveTo(0, at[0]!);
  for (let i = 1; i < at.length; i += 1) context.lineTo(i * spacing, at[i]!);
  context.stroke();
}

/** Pixels to the left and right of an axis where a drag starts a brush. */
const REACH = 16;

interface AxisProps {
  axis: ParallelAxis;
  x: number;
  spacing: number;
  index: number;
  last: boolean;
}

function Axis({ axis, x, spacing, index, last }: AxisProps) {
  const drag = useSignal<{ from: number; to: number; add: boolean } | null>(null);
  const ranges = filter.value.brushes[axis.id] ?? [];
  const y = (event: PointerEvent) => {
    const top = (event.currentTarget as Element).getBoundingClientRect().top;
    return Math.max(0, Math.min(HEIGHT, event.clientY - top));
  };
  const brush = (now: { from: number; to: number; add: boolean }) => {
    const [a, b] = [axis.scale.invert(now.from), axis.scale.invert(now.to)];
    setBrush(axis.id, [...(now.add ? ranges.slice(0, -1) : []), a < b ? [a, b] : [b, a]]);
  };
  const chars = Math.floor(spacing / 6.4);
  const anchor = index === 0 ? "start" : last ? "end" : "middle";
  const edge = anchor === "start" ? 6 - MARGINS.left : anchor === "end" ? MARGINS.right - 6 : 0;
  return (
    <g transform={`translate(${x} ${MARGINS.top})`}>
      <text class="axis-label" x={edge} y={index % 2 && spacing < 120 ? -28 : -14} text-anchor={anchor}>
        <title>{visible(axis.id, 300)}</title>
        {visible(axis.label, Math.max(4, spacing < 120 ? 2 * chars - 4 : chars))}
      </text>
      <line y2={HEIGHT} class="axis-line" />
      {axis.scale.ticks.map((tick) => (
        <g key={tick.value} transform={`translate(0 ${axis.scale.of(tick.value)})`}>
          <line x2="-4" class="axis-line" />
          <text x="-6" dy="0.32em" text-anchor="end" class="halo">
            {visible(tick.label, 12)}
          </text>
        </g>
      ))}
      {axis.optional && (
        <text y={HEIGHT + ABSENT_GAP + 10} text-anchor="middle" class="halo">
          none
        </text>
      )}
      {ranges.map(([low, high]) => {
        const { of, domain } = axis.scale; // a range may be open
        const [top, bottom] = [of(clamped(high, domain)), of(clamped(low, domain))];
        return <rect key={low} class="brush" x="-7" width="14" y={top} height={Math.max(2, bottom - top)} />;
      })}
      <rect
        class="brush-area"
        x={-REACH}
        width={2 * REACH}
        height={HEIGHT}
        data-axis={axis.id}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          drag.value = { from: y(event), to: y(event), add: event.shiftKey };
          if (event.shiftKey)
            setBrush(axis.id, [...ranges, [axis.scale.invert(y(event)), axis.scale.invert(y(event))]]);
        }}
        onPointerMove={(event) => {
          if (!drag.value) return;
          drag.value = { ...drag.value, to: y(event) };
          if (Math.abs(drag.value.to - drag.value.from) > 3) brush(drag.value);
        }}
        onPointerUp={() => {
          if (drag.value && Math.abs(drag.value.to - drag.value.from) <= 3) setBrush(axis.id, []);
          drag.value = null;
        }}
      >
        <title>{`${visible(axis.id, 300)}: ${ranges.map(([low, high]) => `${number(low, 3)} to ${number(high, 3)}`).join(" or ") || "drag to filter"}`}</title>
      </rect>
    </g>
  );
}
