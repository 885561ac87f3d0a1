/** How a value differs from that of the best run, in words. */
import type { Parameter, Scalar } from "../api.ts";
import { number } from "../text/format.ts";

/** A factor on a logarithmic axis, a difference on a linear one. */
export function differenceText(value: Scalar | null, best: Scalar | null, axis: Parameter["axis"]): string {
  if (value === best) return "same";
  if (value === null) return "absent here";
  if (best === null) return "absent in the best run";
  if (typeof value !== "number" || typeof best !== "number") return "another value";
  if (axis.startsWith("log") && axis !== "logit" && value > 0 && best > 0) {
    return value > best ? `× ${number(value / best, 3)}` : `÷ ${number(best / value, 3)}`;
  }
  return value > best ? `+ ${number(value - best, 3)}` : `− ${number(best - value, 3)}`;
}

/** Whether a link from a tracker may be followed: only pages over TLS. Everything else is shown as text. */
export function safeLink(url: string | null): string | null {
  if (!url) return null;
  try {
    const parsed = new URL(url);
    return parsed.protocol === "https:" && !parsed.username && !parsed.password ? parsed.href : null;
  } catch {
    return null;
  }
}
