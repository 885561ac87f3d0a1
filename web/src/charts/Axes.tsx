import { visible } from "../text/format.ts";
import type { Mark } from "./layers.ts";
import type { AxisSpec } from "./Plot.tsx";
import type { Scale } from "./scale.ts";
import type { Drag } from "./usePointer.ts";

export interface Margins {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

interface AxesProps {
  x: AxisSpec;
  y: AxisSpec;
  scales: { x: Scale; y: Scale };
  margins: Margins;
  width: number;
  height: number;
  focused: Mark | null;
  drag: Drag;
}

/** Ticks, labels, the ring around the focused mark, and the rectangle of a drag. */
export function Axes({ x, y, scales, margins, width, height, focused, drag }: AxesProps) {
  const right = width - margins.right;
  const bottom = height - margins.bottom;
  const ticks = (axis: AxisSpec, scale: Scale) => scale.ticks.filter((t) => !axis.integer || Number.isInteger(t.value));
  const at = (mark: Mark) => ({ cx: margins.left + scales.x.of(mark.x), cy: margins.top + scales.y.of(mark.y) });
  return (
    <svg class="axes" width={width} height={height} aria-hidden="true">
      {ticks(y, scales.y).map((tick) => (
        <g key={tick.value} transform={`translate(0 ${margins.top + scales.y.of(tick.value)})`}>
          <line x1={margins.left} x2={right} class="grid" />
          <text x={margins.left - 6} dy="0.32em" text-anchor="end">
            {short(tick.label)}
          </text>
        </g>
      ))}
      {ticks(x, scales.x).map((tick) => (
        <g key={tick.value} transform={`translate(${margins.left + scales.x.of(tick.value)} 0)`}>
          <line y1={bottom} y2={bottom + 4} class="axis" />
          <text y={bottom + 16} text-anchor="middle">
            {short(tick.label)}
          </text>
        </g>
      ))}
      <line x1={margins.left} x2={right} y1={bottom} y2={bottom} class="axis" />
      <text class="axis-label" x={right} y={height - 4} text-anchor="end">
        {visible(x.label, Math.floor(width / 7))}
      </text>
      <text class="axis-label" x={4} y={11}>
        {visible(y.label, Math.floor(width / 7))}
      </text>
      {drag && (
        <rect
          class="brush"
          x={margins.left + Math.min(drag.from.x, drag.to.x)}
          y={margins.top + Math.min(drag.from.y, drag.to.y)}
          width={Math.abs(drag.to.x - drag.from.x)}
          height={Math.abs(drag.to.y - drag.from.y)}
        />
      )}
      {focused && <circle class="focus-ring" {...at(focused)} r={7} />}
    </svg>
  );
}

function short(label: string): string {
  return visible(label, 24);
}
