/** Contour lines of a grid of values, by marching squares. */

export interface Segment {
  from: readonly [x: number, y: number];
  to: readonly [x: number, y: number];
}

/**
 * The line on which the grid has the value `level`, in grid coordinates: x is the column, y is the row.
 * In a saddle, the mean of the four corners decides which corners are connected.
 */
export function contourLine(grid: readonly (readonly number[])[], level: number): Segment[] {
  const segments: Segment[] = [];
  for (let row = 0; row + 1 < grid.length; row++) {
    for (let column = 0; column + 1 < grid[row]!.length; column++) {
      segments.push(...cellSegments(grid, row, column, level));
    }
  }
  return segments;
}

type Point = readonly [number, number];

function cellSegments(grid: readonly (readonly number[])[], row: number, column: number, level: number): Segment[] {
  const corners: [Point, number][] = [
    [[column, row], grid[row]![column]!],
    [[column + 1, row], grid[row]![column + 1]!],
    [[column + 1, row + 1], grid[row + 1]![column + 1]!],
    [[column, row + 1], grid[row + 1]![column]!],
  ];
  if (!corners.every(([, value]) => Number.isFinite(value))) return [];
  const crossings: Point[] = [];
  corners.forEach(([at, value], i) => {
    const [next, after] = corners[(i + 1) % 4]!;
    if (value > level === after > level) return;
    const share = (level - value) / (after - value);
    crossings.push([at[0] + share * (next[0] - at[0]), at[1] + share * (next[1] - at[1])]);
  });
  if (crossings.length === 2) return [{ from: crossings[0]!, to: crossings[1]! }];
  if (crossings.length !== 4) return [];
  const mean = corners.reduce((sum, [, value]) => sum + value / 4, 0);
  const turned = mean > level === corners[0]![1] > level ? 1 : 0;
  return [0, 2].map((i) => ({ from: crossings[(i + turned) % 4]!, to: crossings[(i + turned + 1) % 4]! }));
}

/** About `count` round values strictly between low and high. */
export function levels(low: number, high: number, count: number): number[] {
  const wanted = (high - low) / (count + 1);
  if (!(wanted > 0) || !Number.isFinite(wanted)) return [];
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].map((m) => m * power).find((s) => s >= wanted * (1 - 1e-9))!;
  const found: number[] = [];
  for (let i = Math.floor(low / step) + 1; i * step < high; i++) found.push(Number((i * step).toPrecision(12)));
  return found;
}
