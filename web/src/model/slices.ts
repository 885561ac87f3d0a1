/** What a slice can show. */
import type { ParameterSlice } from "../api.ts";

/** "score", "cost", "chance not to fail", or a further objective. */
export type Quantity = string;
const SUCCESS = "chance not to fail";

export interface Series {
  middle: number[];
  low: number[] | null;
  high: number[] | null;
}

export function quantitiesOf(slices: readonly ParameterSlice[]): Quantity[] {
  const first = slices[0];
  if (!first) return ["score"];
  return ["score", ...(first.cost ? ["cost"] : []), ...(first.success ? [SUCCESS] : []), ...Object.keys(first.metrics)];
}

/** What the model says along the slice; not a number where the constraints forbid the configuration. */
export function seriesOf(slice: ParameterSlice, of: Quantity): Series | null {
  const series = wholeSeries(slice, of);
  const { allowed } = slice;
  if (!series || !allowed) return series;
  const within = (values: number[]) => values.map((value, i) => (allowed[i] === false ? Number.NaN : value));
  const { middle, low, high } = series;
  return { middle: within(middle), low: low && within(low), high: high && within(high) };
}

function wholeSeries(slice: ParameterSlice, of: Quantity): Series | null {
  if (of === "score") return { middle: slice.mean, low: slice.low, high: slice.high };
  if (of === "cost") return slice.cost && { middle: slice.cost, low: slice.costLow, high: slice.costHigh };
  if (of === SUCCESS) return slice.success && { middle: slice.success, low: null, high: null };
  const metric = slice.metrics[of];
  return metric ? { middle: metric.mean, low: metric.low, high: metric.high } : null;
}
