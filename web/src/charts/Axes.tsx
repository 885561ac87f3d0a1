import { visible } from "../text/format.ts";
import type { Mark } from "./layers.ts";
import type { AxisSpec } from "./Plot.tsx";
import type { Scale, Tick } from "./scale.ts";
import type { Frame } from "./useFrame.ts";
import type { Drag } from "./usePointer.ts";

interface AxesProps {
  x: AxisSpec;
  y: AxisSpec;
  frame: Frame;
  focused: Mark | null;
  drag: Drag;
}

/** Ticks, labels, the ring around the focused mark, and the rectangle of a drag. */
export function Axes({ x, y, frame, focused, drag }: AxesProps) {
  const { width, height, margins, scales } = frame;
  const chars = Math.floor(width / 7);
  return (
    <svg class="axes" width={width} height={height} aria-hidden="true">
      <YTicks ticks={ticksOf(y, scales.y)} frame={frame} />
      <XTicks ticks={ticksOf(x, scales.x)} frame={frame} />
      <text class="axis-label" x={width - margins.right} y={height - 4} text-anchor="end">
        {visible(x.label, chars)}
      </text>
      <text class="axis-label" x={4} y={11}>
        {visible(y.label, chars)}
      </text>
      <g transform={`translate(${margins.left} ${margins.top})`}>
        {drag && <Brush drag={drag} />}
        {focused && <circle class="focus-ring" cx={scales.x.of(focused.x)} cy={scales.y.of(focused.y)} r={7} />}
      </g>
    </svg>
  );
}

function ticksOf(axis: AxisSpec, scale: Scale): Tick[] {
  return scale.ticks
    .filter((tick) => !axis.integer || Number.isInteger(tick.value))
    .map((tick) => ({ ...tick, label: visible(tick.label, 24) }));
}

function YTicks({ ticks, frame: { width, margins, scales } }: { ticks: Tick[]; frame: Frame }) {
  return (
    <>
      {ticks.map(({ value, label }) => (
        <g key={value} transform={`translate(0 ${margins.top + scales.y.of(value)})`}>
          <line x1={margins.left} x2={width - margins.right} class="grid" />
          <text x={margins.left - 6} dy="0.32em" text-anchor="end">
            {label}
          </text>
        </g>
      ))}
    </>
  );
}

function XTicks({ ticks, frame: { width, height, margins, scales } }: { ticks: Tick[]; frame: Frame }) {
  const bottom = height - margins.bottom;
  return (
    <>
      {ticks.map(({ value, label }) => (
        <g key={value} transform={`translate(${margins.left + scales.x.of(value)} ${bottom})`}>
          <line y2={4} class="axis" />
          <text y={16} text-anchor="middle">
            {label}
          </text>
        </g>
      ))}
      <line x1={margins.left} x2={width - margins.right} y1={bottom} y2={bottom} class="axis" />
    </>
  );
}

function Brush({ drag: { from, to } }: { drag: NonNullable<Drag> }) {
  const [x, y] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
  return <rect class="brush" x={x} y={y} width={Math.abs(to.x - from.x)} height={Math.abs(to.y - from.y)} />;
}
