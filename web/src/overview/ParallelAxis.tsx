import { clamped } from "../charts/scale.ts";
import { filter, rangesOf } from "../store/filter.ts";
import { number, visible } from "../text/format.ts";
import { ABSENT_GAP, HEIGHT, MARGINS, type ParallelAxis } from "./parallel.ts";
import { useAxisBrush } from "./useAxisBrush.ts";

/** Pixels to the left and right of an axis where a drag starts a brush. */
const REACH = 16;
/** Labels of axes that are closer than this stand in two rows. */
const CLOSE = 120;

interface AxisProps {
  axis: ParallelAxis;
  x: number;
  spacing: number;
  index: number;
  last: boolean;
}

type Ranges = readonly (readonly [low: number, high: number])[];

/** One axis, on which a drag sets the filter. */
export function Axis({ axis, x, ...place }: AxisProps) {
  const ranges = rangesOf(filter.value, axis.id);
  return (
    <g transform={`translate(${x} ${MARGINS.top})`}>
      <AxisLabel axis={axis} {...place} />
      <Ticks axis={axis} />
      <Brushes axis={axis} ranges={ranges} />
      <BrushArea axis={axis} ranges={ranges} />
    </g>
  );
}

function AxisLabel({ axis, spacing, index, last }: Omit<AxisProps, "x">) {
  const close = spacing < CLOSE;
  const chars = Math.floor(spacing / 6.4);
  const anchor = index === 0 ? "start" : last ? "end" : "middle";
  const edge = { start: 6 - MARGINS.left, middle: 0, end: MARGINS.right - 6 }[anchor];
  return (
    <text class="axis-label" x={edge} y={index % 2 && close ? -28 : -14} text-anchor={anchor}>
      <title>{visible(axis.id, 300)}</title>
      {visible(axis.label, Math.max(4, close ? 2 * chars - 4 : chars))}
    </text>
  );
}

function Ticks({ axis }: { axis: ParallelAxis }) {
  return (
    <>
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
    </>
  );
}

function Brushes({ axis, ranges }: { axis: ParallelAxis; ranges: Ranges }) {
  const { of, domain } = axis.scale; // a range may be open
  return (
    <>
      {ranges.map(([low, high]) => {
        const [top, bottom] = [of(clamped(high, domain)), of(clamped(low, domain))];
        return <rect key={low} class="brush" x="-7" width="14" y={top} height={Math.max(2, bottom - top)} />;
      })}
    </>
  );
}

function BrushArea({ axis, ranges }: { axis: ParallelAxis; ranges: Ranges }) {
  const handlers = useAxisBrush(axis);
  const shown = ranges.map(([low, high]) => `${number(low, 3)} to ${number(high, 3)}`).join(" or ");
  return (
    <rect class="brush-area" x={-REACH} width={2 * REACH} height={HEIGHT} data-axis={axis.id} {...handlers}>
      <title>{`${visible(axis.id, 300)}: ${shown || "drag to filter"}`}</title>
    </rect>
  );
}
