/** The shapes of marks, in units of their size: traced on canvases, and drawn in legends as SVG. */

type Line = readonly (readonly [x: number, y: number])[];
interface Outline {
  filled: boolean;
  /** A filled shape closes its lines. A circle has none. */
  lines: readonly Line[];
}

/** Points are "x,y"; a circle has no lines. */
function outline(filled: boolean, ...lines: string[]): Outline {
  const pointsOf = (line: string) => line.split(" ").map((point) => point.split(",").map(Number) as [number, number]);
  return { filled, lines: lines.map(pointsOf) };
}

const SHAPES = {
  dot: outline(true),
  ring: outline(false),
  square: outline(true, "-1,-1 1,-1 1,1 -1,1"),
  diamond: outline(true, "0,-1.4 1.4,0 0,1.4 -1.4,0"),
  cross: outline(false, "-1,-1 1,1", "-1,1 1,-1"),
  plus: outline(false, "0,-1.2 0,1.2", "-1.2,0 1.2,0"),
  up: outline(false, "-1.1,1 0,-1 1.1,1 -1.1,1"),
  down: outline(false, "-1.1,-1 0,1 1.1,-1 -1.1,-1"),
  hourglass: outline(false, "-1,-1 1,-1 -1,1 1,1 -1,-1"),
  dash: outline(false, "-1.3,0 1.3,0"),
} satisfies Record<string, Outline>;
export type Shape = keyof typeof SHAPES;

export const isFilled = (shape: Shape): boolean => SHAPES[shape].filled;

/** Adds the shape to the canvas' current path. */
export function trace(context: CanvasRenderingContext2D, shape: Shape, x: number, y: number, size: number): void {
  const { lines, filled } = SHAPES[shape];
  if (lines.length === 0) {
    context.moveTo(x + size, y);
    context.arc(x, y, size, 0, 2 * Math.PI);
  }
  for (const line of lines) {
    line.forEach(([dx, dy], i) => {
      if (i === 0) context.moveTo(x + size * dx, y + size * dy);
      else context.lineTo(x + size * dx, y + size * dy);
    });
    if (filled) context.closePath();
  }
}

/** The shape around the origin as the data of an SVG path. */
export function pathData(shape: Shape, size: number): string {
  const { lines, filled } = SHAPES[shape];
  if (lines.length === 0) return `M${size} 0A${size} ${size} 0 1 1 ${-size} 0A${size} ${size} 0 1 1 ${size} 0Z`;
  return lines
    .map((line) => `M${line.map(([dx, dy]) => `${size * dx} ${size * dy}`).join("L")}${filled ? "Z" : ""}`)
    .join("");
}
