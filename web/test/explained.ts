/** Made-up answers of the model about the made-up sweep. */
import type {
  Contour,
  Forecasts,
  Importance,
  Outlook,
  ParameterSlice,
  Scalar,
  Slices,
  SweepPage,
  Why,
} from "../src/api.ts";
import { makeScale } from "../src/charts/scale.ts";

function gridOf(page: SweepPage, path: string, count: number): Scalar[] {
  const p = page.parameters.find((q) => q.path === path)!;
  if (p.values) return p.values;
  const scale = makeScale(p.axis, [p.min!, p.max!], [0, count - 1], 2);
  return Array.from({ length: count }, (_, i) => scale.invert(i));
}

/** Between 0 and 1: a hill whose place depends on the parameter. */
function hill(page: SweepPage, path: string, i: number, count: number): number {
  const at = page.parameters.findIndex((p) => p.path === path);
  const x = count > 1 ? i / (count - 1) : 0.5;
  return Math.exp(-((x - 0.35 - 0.06 * at) ** 2) * (6 / (at + 1)));
}

function slice(page: SweepPage, path: string): ParameterSlice {
  const grid = gridOf(page, path, 40);
  const mean = grid.map((_, i) => 480 * hill(page, path, i, grid.length));
  const cost = grid.map((_, i) => 60 * 4 ** (i / grid.length));
  return {
    path,
    grid,
    mean,
    low: mean.map((m, i) => m - 25 - 60 * Math.abs(i / grid.length - 0.4)),
    high: mean.map((m, i) => m + 25 + 60 * Math.abs(i / grid.length - 0.4)),
    cost,
    costLow: cost.map((c) => c / 1.3),
    costHigh: cost.map((c) => c * 1.3),
    success: null,
    allowed: null,
    metrics: {},
    assumed: path.endsWith("momentum") ? { "trainer.optimizer.name": "sgd" } : {},
  };
}

function contour(page: SweepPage, x: string, y: string): Contour {
  const [gridX, gridY] = [gridOf(page, x, 30), gridOf(page, y, 30)];
  const mean = gridY.map((_, r) =>
    gridX.map((_, c) => 480 * hill(page, x, c, gridX.length) * hill(page, y, r, gridY.length)),
  );
  const sd = mean.map((row) => row.map((value) => 12 + (480 - value) / 8));
  return { x, y, gridX, gridY, mean, sd, cost: null, allowed: null, at: {}, run: page.row.best!.run, note: "" };
}

const OUTLOOK = (page: SweepPage, runs: number): Outlook => ({
  runs,
  bestNow: page.row.best!.score,
  best: {
    expected: page.row.best!.score + 2 * Math.log(runs),
    low: page.row.best!.score,
    high: page.row.best!.score + 5 * Math.log(runs),
  },
  probabilityBetter: 1 - 0.93 ** runs,
  cost: { expected: 150 * runs, low: 120 * runs, high: 195 * runs },
  payableRuns: null,
  frontGain: { expected: 0.03, low: 0, high: 0.08 },
  costUnit: page.row.costUnit,
  assumptions: ["The next runs are suggested as the last ones were.", "The search space stays as it is."],
  note: "",
});

const why = (page: SweepPage, run: string): Why => ({
  run,
  origin: "model",
  observations: 40,
  pending: 2,
  costPower: 0.33,
  acquisition: "ei",
  nearest: { run: page.row.best!.run, distance: 0.21, score: 400, cost: 120 },
  best: page.row.best!.run,
  score: { expected: 410, low: 360, high: 460 },
  cost: { expected: 130, low: 100, high: 180 },
  success: 0.97,
  parameters: [],
  sentences: [
    "It had the largest expected improvement over the best score, relative to its cost to the power of 0.33.",
    "It is close to the best run, with a smaller batch.",
  ],
  note: "",
});

export function explained(
  page: SweepPage,
  question: Record<string, unknown>,
): Importance | Slices | Contour | Outlook | Why | Forecasts {
  const paths = page.parameters.map((p) => p.path);
  switch (question.what) {
    case "forecast":
      return { items: {}, note: "" };
    case "importance":
      return { shares: Object.fromEntries(paths.map((p, i) => [p, 0.5 ** (i + 1)])), note: "" };
    case "slices":
      return {
        at: { [paths[0]!]: 4e-4 },

        run: page.row.best!.run,
        goal: page.row.goal,
        parameters: paths.map((p) => slice(page, p)),
        note: "",
      };
    case "contour":
      return contour(page, question.x as string, question.y as string);
    case "outlook":
      return OUTLOOK(page, question.runs as number);
    default:
      return why(page, question.run as string);
  }
}
