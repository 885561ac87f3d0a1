import type { RefObject } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { palette, ramp } from "../charts/palette.ts";
import { canvasBox, prepared, useWidth } from "../charts/useSize.ts";
import { selected } from "../store/filter.ts";
import { Axis } from "./ParallelAxis.tsx";
import { ABSENT_GAP, axesOf, HEIGHT, MARGINS } from "./parallel.ts";
import { drawFaded, drawLines, type Line, linesOf } from "./parallelLines.ts";

const LEAST_SPACING = 96;
const WHOLE_HEIGHT = HEIGHT + MARGINS.top + MARGINS.bottom;

/** The axes, and a line for each run. It scrolls sideways if the axes would be too close. */
export function Coordinates({ page }: { page: SweepPage }) {
  const box = useRef<HTMLDivElement>(null);
  const axes = useMemo(() => axesOf(page, HEIGHT), [page]);
  const lines = useMemo(() => linesOf(page, axes), [page, axes]);
  const visibleWidth = useWidth(box);
  const gaps = Math.max(1, axes.length - 1);
  const inner = Math.max(visibleWidth - MARGINS.left - MARGINS.right, (axes.length - 1) * LEAST_SPACING);
  const width = inner + MARGINS.left + MARGINS.right;
  const spacing = inner / gaps;
  return (
    <div
      class="parallel-scroll"
      ref={box}
      tabIndex={width > visibleWidth ? 0 : -1}
      role="group"
      aria-label="Parallel coordinates; the button Ranges sets the filter by keyboard"
    >
      <div class="plot parallel" style={{ width: `${width}px`, height: `${WHOLE_HEIGHT}px` }}>
        {visibleWidth > 0 && <Lines lines={lines} spacing={spacing} width={inner} />}
        <svg
          width={width}
          height={WHOLE_HEIGHT}
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
              last={i === gaps}
            />
          ))}
        </svg>
      </div>
    </div>
  );
}

interface LinesProps {
  lines: Line[];
  spacing: number;
  width: number;
}

/** Two canvases: a movement of the brush draws the lines that pass, but not the faded ones below them. */
function Lines({ lines, spacing, width }: LinesProps) {
  const [colors, steps, passing] = [palette.value, ramp.value, selected.value];
  const below = useCanvas(width, (context) => passing && drawFaded(context, lines, spacing, colors), [
    lines,
    colors,
    spacing,
    passing !== null,
  ]);
  const above = useCanvas(
    width,
    (context) => {
      const shown = passing ? lines.filter((line) => passing.has(line.name)) : lines;
      drawLines(context, shown, spacing, { colors, steps });
    },
    [lines, colors, steps, spacing, passing],
  );
  const style = canvasBox(MARGINS.left, MARGINS.top, width, HEIGHT + ABSENT_GAP);
  return (
    <>
      <canvas ref={below} aria-hidden="true" style={style} />
      <canvas ref={above} aria-hidden="true" style={style} />
    </>
  );
}

type Draw = (context: CanvasRenderingContext2D) => void;

/** A canvas that is drawn again whenever its size or one of `causes` has changed. */
function useCanvas(width: number, draw: Draw, causes: readonly unknown[]): RefObject<HTMLCanvasElement | null> {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (canvas.current) draw(prepared(canvas.current, width, HEIGHT + ABSENT_GAP));
  }, [width, ...causes]);
  return canvas;
}
