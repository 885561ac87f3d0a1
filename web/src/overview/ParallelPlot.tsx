import { useSignal } from "@preact/signals";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { palette, ramp } from "../charts/palette.ts";
import { canvasBox, prepared, useWidth } from "../charts/useSize.ts";
import { selected } from "../store/filter.ts";
import { Axis } from "./ParallelAxis.tsx";
import { ABSENT_GAP, axesOf, HEIGHT, MARGINS } from "./parallel.ts";
import { drawFaded, drawLines, linesOf } from "./parallelLines.ts";
import { RangeInputs } from "./RangeInputs.tsx";

const HELP =
  "Each line is a run; it crosses each axis at its value. The darker the line (lighter on dark), the better the score. Drag along an axis to keep the runs in that range, in every panel; click the axis to remove the range. “Ranges” does the same with numbers. A line below an axis means that the run has no such value.";
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
    if (passing) drawFaded(context, lines, spacing, colors);
  }, [lines, colors, inner.width, visibleWidth, passing !== null]);

  useLayoutEffect(() => {
    if (!above.current || visibleWidth === 0) return;
    const context = prepared(above.current, inner.width, inner.height);
    drawLines(context, passing ? lines.filter((line) => passing.has(line.name)) : lines, spacing, { colors, steps });
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
