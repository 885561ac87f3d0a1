import { useSignal } from "@preact/signals";
import { clamped } from "../charts/scale.ts";
import { filter, setBrush } from "../store/filter.ts";
import { number, visible } from "../text/format.ts";
import { ABSENT_GAP, HEIGHT, MARGINS, type ParallelAxis } from "./parallel.ts";

/** Pixels to the left and right of an axis where a drag starts a brush. */
const REACH = 16;

interface AxisProps {
  axis: ParallelAxis;
  x: number;
  spacing: number;
  index: number;
  last: boolean;
}

/** One axis, on which a drag sets the filter. */
export function Axis({ axis, x, spacing, index, last }: AxisProps) {
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
