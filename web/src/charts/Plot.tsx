import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import type { Scalar } from "../api.ts";
import { selected } from "../store/filter.ts";
import { visible } from "../text/format.ts";
import { Axes, type Margins } from "./Axes.tsx";
import { Legend } from "./Legend.tsx";
import { draw, type Layer, type Mark } from "./layers.ts";
import { Panel, type TableData } from "./Panel.tsx";
import { palette } from "./palette.ts";
import { makeScale, type Scale, type ScaleKind } from "./scale.ts";
import { Tooltip } from "./Tooltip.tsx";
import { usePointer } from "./usePointer.ts";
import { canvasBox, prepared, useWidth } from "./useSize.ts";

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
    <Panel title={area.title} table={table} empty={empty} {...definedOnly({ help, controls, wide })}>
      <Legend layers={area.layers} />
      <PlotArea {...area} />
      {children}
    </Panel>
  );
}

function definedOnly<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

/** The plot without the panel's frame, for panels with several plots. */
export function PlotArea(props: PlotAreaProps) {
  const { title, x, y, layers, height = 260, linked = true, onOpen, onBrush } = props;
  const box = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const width = useWidth(box);
  const margins = marginsOf(y);
  const inner = {
    width: Math.max(0, width - margins.left - margins.right),
    height: height - margins.top - margins.bottom,
  };
  const scales = useMemo(() => {
    const xs = makeScale(x.kind, x.domain, [0, inner.width], Math.floor(inner.width / 100), x.values);
    const ys = makeScale(
      y.kind,
      y.domain,
      [inner.height, 0],
      y.kind === "category" ? Math.floor(inner.height / 14) : Math.floor(inner.height / 40),
      y.values,
    );
    return { x: xs, y: ys };
  }, [
    x.kind,
    x.domain[0],
    x.domain[1],
    x.values,
    y.kind,
    y.domain[0],
    y.domain[1],
    y.values,
    inner.width,
    inner.height,
  ]);
  const marks = useMemo(() => marksOf(layers, scales), [layers, scales]);
  const passing = linked ? selected.value : null;
  const colors = palette.value;
  const focused = useSignal<Mark | null>(null);

  useLayoutEffect(() => {
    if (!canvas.current || inner.width === 0) return;
    const context = prepared(canvas.current, inner.width, inner.height);
    for (const layer of layers) draw(context, layer, { ...scales, colors, ...inner, selected: passing });
  }, [layers, scales, colors, passing]);

  const candidates = () => (passing ? marks.filter((m) => passing.has(m.id)) : marks);
  const pointer = usePointer({ scales, margins, candidates, focused, onOpen, onBrush });
  return (
    <div
      class={`plot${onOpen ? " opens" : ""}`}
      ref={box}
      style={{ height: `${height}px` }}
      tabIndex={0}
      role="application"
      aria-roledescription="plot"
      aria-label={`${title}: ${y.label} by ${x.label}, ${marks.length} points. Arrow keys move between points${onOpen ? ", Enter opens one" : ""}.`}
      {...pointer.handlers}
    >
      <Axes
        x={x}
        y={y}
        scales={scales}
        margins={margins}
        width={width}
        height={height}
        focused={focused.value}
        drag={pointer.drag.value}
      />
      <canvas ref={canvas} aria-hidden="true" style={canvasBox(margins.left, margins.top, inner.width, inner.height)} />
      <Tooltip mark={focused.value} scales={scales} margins={margins} width={width} />
      <div class="visually-hidden" role="status">
        {focused.value
          ?.text()
          .map((line) => visible(line, 200))
          .join(", ")}
      </div>
    </div>
  );
}

function marginsOf(y: AxisSpec): Margins {
  const longest = y.kind === "category" ? Math.max(0, ...(y.values ?? []).map((v) => String(v).length)) : 0;
  return { left: Math.min(170, Math.max(56, 14 + longest * 6.5)), right: 14, top: 22, bottom: 36 };
}

/** All marks that are on the plot, from left to right. */
function marksOf(layers: Layer[], scales: { x: Scale; y: Scale }): Mark[] {
  const marks = layers.flatMap((layer) => (layer.kind === "points" || layer.kind === "bars" ? layer.marks : []));
  return marks
    .filter((m) => Number.isFinite(scales.x.of(m.x)) && Number.isFinite(scales.y.of(m.y)))
    .sort((a, b) => a.x - b.x || a.y - b.y);
}
