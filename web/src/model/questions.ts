/** Questions about the model, and their answers in a report. */

import type { Contour, Scalar, Why } from "../api.ts";
import { own } from "../store/own.ts";

export type Ask =
  | { what: "importance" }
  | { what: "slices" }
  | { what: "contour"; x: string; y: string }
  | { what: "outlook"; runs: number }
  | { what: "forecast" }
  | { what: "why"; run: string }
  | { what: "predict"; parameters: Record<string, Scalar> };

/** The answer that a report contains. Throws an error that says what it contains instead. */
export function embedded(explanations: Readonly<Record<string, unknown>>, question: Ask): unknown {
  const found = explanations[question.what];
  if (!found) throw new Error("This report was made without the model.");
  if (question.what === "why") return why(found as Record<string, Why>, question.run);
  if (question.what === "contour") return contour(found as Contour[], question.x, question.y);
  if (question.what === "outlook" && (found as { runs: number }).runs !== question.runs) {
    throw new Error(`This report has the outlook of ${(found as { runs: number }).runs} runs only.`);
  }
  return found;
}

function why(found: Readonly<Record<string, Why>>, run: string): Why {
  const answer = own(found, run);
  if (!answer) throw new Error("This report explains the best of the Pareto-optimal runs only.");
  return answer;
}

/** A contour of the two parameters, whichever of them is x. */
function contour(found: readonly Contour[], x: string, y: string): Contour {
  const same = found.find((c) => c.x === x && c.y === y);
  if (same) return same;
  const other = found.find((c) => c.x === y && c.y === x);
  if (!other) throw new Error("This report does not have the contour of these two parameters.");
  return {
    ...other, x, y, gridX: other.gridY, gridY: other.gridX, mean: transposed(other.mean), sd: transposed(other.sd),
    cost: other.cost && transposed(other.cost), allowed: other.allowed && transposed(other.allowed),
  }; // biome-ignore format: one block
}

export function transposed<T>(rows: readonly (readonly T[])[]): T[][] {
  return (rows[0] ?? []).map((_, column) => rows.map((row) => row[column]!));
}
