/** Questions about the model, and their answers in a report. */
import type { Contour, Scalar } from "../api.ts";

export type Ask =
  | { what: "importance" }
  | { what: "slices" }
  | { what: "contour"; x: string; y: string }
  | { what: "outlook"; runs: number }
  | { what: "forecast" }
  | { what: "why"; run: string }
  | { what: "predict"; parameters: Record<string, Scalar> };

const NOT_EMBEDDED =
  "This report was made without the model. Open the live page with `sweep ui` or `kubectl sweep ui`.";

export function embedded(explanations: Readonly<Record<string, unknown>>, question: Ask): unknown {
  const found = explanations[question.what];
  if (!found) throw new Error(NOT_EMBEDDED);
  if (question.what === "contour") return contour(found as Contour[], question.x, question.y);
  if (question.what === "outlook" && (found as { runs: number }).runs !== question.runs) {
    throw new Error(`This report has the outlook of ${(found as { runs: number }).runs} runs only.`);
  }
  return found;
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
