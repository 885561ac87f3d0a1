import { useMemo } from "preact/hooks";
import type { ParameterSlice, Slices, SweepPage } from "../api.ts";
import { opener } from "../app/router.ts";
import { PlotArea } from "../charts/Plot.tsx";
import { own } from "../store/own.ts";
import { scalar, visible } from "../text/format.ts";
import { costName, scoreName } from "../text/quantities.ts";
import { Text } from "../text/Text.tsx";
import { sliceDrawing } from "./sliceLayers.ts";
import type { Quantity } from "./slices.ts";

interface SliceProps {
  page: SweepPage;
  slice: ParameterSlice;
  at: Slices["at"];
  of: Quantity;
}

/** What one parameter does. */
export function Slice({ page, slice, at, of }: SliceProps) {
  const drawn = useMemo(
    () => sliceDrawing(page, slice, own(at, slice.path) ?? null, of),
    [page.runs, page.parameters, slice, at, of],
  );
  if (!drawn) return null;
  const { parameter, axis, domain, layers } = drawn;
  const label = of === "score" ? scoreName(page) : of === "cost" ? costName(page) : of;
  const assumed = Object.entries(slice.assumed).map(([path, value]) => `${path} = ${scalar(value)}`);
  return (
    <figure class="slice">
      <figcaption title={visible(slice.path, 500)}>
        <Text value={parameter.label} limit={60} />
        {assumed.length > 0 && (
          <span class="muted">
            {" "}
            with <Text value={assumed.join(", ")} limit={120} />
          </span>
        )}
      </figcaption>
      <PlotArea
        title={`${label} by ${parameter.label}`}
        x={{ ...axis, label: "" }}
        y={{ label, kind: of === "cost" ? "log10" : "linear", domain }}
        layers={layers}
        height={200}
        onOpen={opener(page)}
      />
    </figure>
  );
}
