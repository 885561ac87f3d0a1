/** Bars of the timeline, one layer per phase. */
import type { SweepPage } from "../api.ts";
import type { Layer } from "../charts/layers.ts";
import type { ColorName } from "../charts/palette.ts";
import { duration } from "../text/format.ts";
import { type Bar, type Lane, PHASES, type Phase } from "./layout.ts";

export const COLORS: Record<Phase, ColorName> = {
  queued: "waiting",
  pulling: "series-6",
  starting: "series-5",
  training: "running",
  evaluating: "series-4",
  retrying: "pruned",
};

/** The layers of the lanes' bars. A phase that occurs in `bars` or in the lanes gets an entry of the legend. */
export function barLayers(lanes: readonly Lane[], bars: readonly Bar[], page: SweepPage): Layer[] {
  const labels = new Map(page.runs.map((run) => [run.name, run.label]));
  const placed = lanes.flatMap((lane, row) => lane.bars.map((bar) => ({ bar, row })));
  return PHASES.flatMap((phase): Layer[] => {
    const own = placed.filter(({ bar }) => bar.phase === phase);
    if (own.length === 0 && !bars.some((bar) => bar.phase === phase)) return [];
    return [
      {
        kind: "bars",
        color: COLORS[phase],
        label: phase,
        height: 13,
        x0: own.map(({ bar }) => bar.start),
        x1: own.map(({ bar }) => bar.end),
        marks: own.map(({ bar, row }) => ({
          id: bar.run,
          x: (bar.start + bar.end) / 2,
          y: row,
          text: () => [
            `Run ${labels.get(bar.run) ?? bar.run}: ${phase}`,
            `${duration((bar.end - bar.start) / 1000)}${bar.open ? " so far" : ""}`,
            ...(bar.attempt > 1 ? [`attempt ${bar.attempt}`] : []),
            ...(bar.node ? [`node ${bar.node}`] : []),
          ],
        })),
      },
    ];
  });
}
