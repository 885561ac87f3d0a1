import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { Scalar } from "../api.ts";
import { selected } from "../store/filter.ts";
import { visible } from "../text/format.ts";
import { Axes } from "./Axes.tsx";
import { Legend } from "./Legend.tsx";
import type { Layer, Mark } from "./layers.ts";
import { Panel, type TableData } from "./Panel.tsx";
import type { ScaleKind } from "./scale.ts";
import { Tooltip } from "./Tooltip.tsx";
import { useDrawing } from "./useDrawing.ts";
import { type Frame, useFrame } from "./useFrame.ts";
import { useMarkKeys } from "./useMarkKeys.ts";
import { usePointer } from "./usePointer.ts";
import { canvasBox } from "./useSize.ts";

export interface AxisSpec {
  label: string;
  kind: ScaleKind;
  domain: [number, number];
  /** Names of a category axis. */
  values?: Scalar[];
  /** Ticks at whole numbers only. */
  integer?: boolean;
}

export interface Box {
  x: [number, number];
  y: [number, number];
}

export interface PlotAreaProps {
  /** What the plot is, for screen readers. */
  title: string;
  x: AxisSpec;
  y: AxisSpec;
  /** Drawn in this order. Keep the array's identity if nothing has changed (useMemo). */
  layers: Layer[];
  height?: number;
  /** The runs that the filter excludes are faded; false for plots whose marks are not runs. */
  linked?: boolean;
  /** Enter or a click on a mark. */
  onOpen?: (id: string) => void;
  /** A drag over the plot, in data units. */
  onBrush?: (box: Box) => void;
}

interface PlotProps extends PlotAreaProps {
  help?: string;
  controls?: ComponentChildren;
  table: () => TableData;
  empty?: string | false | undefined;
  wide?: boolean;
  children?: ComponentChildren;
}

/** A panel with one plot: axes, layers, tooltip, keyboard focus on points, and the data as a table. */
export function Plot({ help, controls, table, empty, wide, children, ...area }: PlotProps) {
  return (
    <Panel title={area.title} help={help} controls={controls} table={table} empty={empty} wide={wide}>
      <Legend layers={area.layers} />
      <PlotArea {...area} />
      {children}
    </Panel>
  );
}

/** The plot without the panel's frame, for panels with several plots. */
export function PlotArea({ x, y, layers, height = 260, linked = true, onOpen, onBrush, ...props }: PlotAreaProps) {
  const box = useRef<HTMLDivElement>(null);
  const frame = useFrame(box, x, y, height);
  const passing = linked ? selected.value : null;
  const canvas = useDrawing(layers, frame, passing);
  const focused = useSignal<Mark | null>(null);
  const marks = useMemo(() => marksOf(layers, frame), [layers, frame.scales]);
  const candidates = () => (passing ? marks.filter((m) => passing.has(m.id)) : marks);
  const pointer = usePointer({ frame, candidates, focused, onOpen, onBrush });
  const onKeyDown = useMarkKeys(candidates, focused, onOpen);
  const { margins, inner } = frame;
  const keys = `Arrow keys move between points${onOpen ? ", Enter opens one" : ""}.`;
  return (
    <div
      class={`plot${onOpen ? " opens" : ""}`}
      ref={box}
      style={{ height: `${height}px` }}
      tabIndex={0}
      role="application"
      aria-roledescription="plot"
      aria-label={visible(`${props.title}: ${y.label} by ${x.label}, ${marks.length} points. ${keys}`, 400)}
      onKeyDown={onKeyDown}
      {...pointer.handlers}
    >
      <Axes x={x} y={y} frame={frame} focused={focused.value} drag={pointer.drag.value} />
      <canvas ref={canvas} aria-hidden="true" style={canvasBox(margins.left, margins.top, inner.width, inner.height)} />
      <Tooltip mark={focused.value} frame={frame} />
      <div class="visually-hidden" role="status">
        {focused.value && spoken(focused.value)}
      </div>
    </div>
  );
}

function spoken(mark: Mark): string {
  return mark
    .text()
    .map((line) => visible(line, 200))
    .join(", ");
}

/** All marks that are on the plot, from left to right; of those that lie upon each other, one. */
function marksOf(layers: Layer[], { scales: { x, y } }: Frame): Mark[] {
  const marks = layers.flatMap((layer) => (layer.kind === "points" || layer.kind === "bars" ? layer.marks : []));
  return marks
    .filter((m) => Number.isFinite(x.of(m.x)) && Number.isFinite(y.of(m.y)))
    .sort((a, b) => a.x - b.x || a.y - b.y || a.id.localeCompare(b.id))
    .filter((m, i, all) => m.id === "" || !isSame(m, all[i - 1]));
}

function isSame(mark: Mark, other: Mark | undefined): boolean {
  return mark.id === other?.id && mark.x === other.x && mark.y === other.y;
}
