import type { RefObject } from "preact";
import { useMemo } from "preact/hooks";
import type { AxisSpec } from "./Plot.tsx";
import { makeScale, type Scale } from "./scale.ts";
import { useWidth } from "./useSize.ts";

interface Size {
  width: number;
  height: number;
}

/** Where a plot's parts are, in pixels: its element, the area inside its axes, and the scales of that area. */
export interface Frame extends Size {
  margins: { left: number; right: number; top: number; bottom: number };
  inner: Size;
  scales: { x: Scale; y: Scale };
}

const [TICK_WIDTH, TICK_HEIGHT, NAME_HEIGHT] = [100, 40, 14];

/** The frame of a plot that is as wide as its element. */
export function useFrame(element: RefObject<HTMLElement | null>, x: AxisSpec, y: AxisSpec, height: number): Frame {
  const width = useWidth(element);
  const margins = marginsOf(y);
  const inner = {
    width: Math.max(0, width - margins.left - margins.right),
    height: height - margins.top - margins.bottom,
  };
  const scales = {
    x: useScale(x, [0, inner.width], TICK_WIDTH),
    y: useScale(y, [inner.height, 0], y.kind === "category" ? NAME_HEIGHT : TICK_HEIGHT),
  };
  const both = useMemo(() => scales, [scales.x, scales.y]);
  return { width, height, margins, inner, scales: both };
}

/** The scale keeps its identity as long as it is the same: drawings depend on it. */
function useScale({ kind, domain, values }: AxisSpec, [from, to]: [number, number], tick: number): Scale {
  return useMemo(
    () => makeScale(kind, domain, [from, to], Math.floor(Math.abs(to - from) / tick), values),
    [kind, domain[0], domain[1], values, from, to],
  );
}

function marginsOf(y: AxisSpec): Frame["margins"] {
  const longest = y.kind === "category" ? Math.max(0, ...(y.values ?? []).map((v) => String(v).length)) : 0;
  return { left: Math.min(170, Math.max(56, 14 + longest * 6.5)), right: 14, top: 22, bottom: 36 };
}
