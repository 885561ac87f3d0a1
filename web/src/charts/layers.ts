/** What a plot consists of. */
import type { ColorName } from "./palette.ts";
import type { Shape } from "./shapes.ts";

/** A point that can be hovered, focused with the arrow keys, and opened. */
export interface Mark {
  /** Name of the run, or any other identity. */
  id: string;
  x: number;
  y: number;
  /** First line of the tooltip, then the others. */
  text: () => string[];
}

/** Opacity of marks that must not hide what lies below: thousands of them fainter than a few. */
export function faint(marks: readonly unknown[]): number {
  return marks.length > 1000 ? 0.3 : 0.65;
}

interface Common {
  color: ColorName;
  alpha?: number;
  /** Shown in the legend. */
  label?: string;
}

export type Layer =
  | (Common & { kind: "points"; marks: Mark[]; shape: Shape; size?: number })
  | (Common & { kind: "line"; x: number[]; y: number[]; width?: number; dash?: number[]; step?: boolean; id?: string })
  | (Common & { kind: "band"; x: number[]; low: number[]; high: number[] })
  | (Common & { kind: "intervals"; x: number[]; low: number[]; high: number[]; ids?: string[] })
  | (Common & { kind: "rule"; axis: "x" | "y"; at: number; dash?: number[] })
  /** Rectangles: from x0 to x1, `height` pixels high around y. Their marks are what is hovered and focused. */
  | (Common & { kind: "bars"; x0: number[]; x1: number[]; marks: Mark[]; height: number })
  /** A grid of colors, for contours: `values[row][column]`, cell centers at x and y. Smooth: cells blend. */
  | (Common & { kind: "grid"; x: number[]; y: number[]; values: number[][]; colors: string[]; smooth: boolean });
