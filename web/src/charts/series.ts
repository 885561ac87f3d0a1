const COLORS = ["series-1", "series-2", "series-3", "series-4", "series-5", "series-6"] as const;

/** The color of the series with this index; after six they repeat, so series differ in their dashes too. */
export function seriesColor(index: number): (typeof COLORS)[number] {
  return COLORS[index % COLORS.length]!;
}
