import { useSignal } from "@preact/signals";
import { opener } from "../app/router.ts";
import type { TabProps } from "../app/tabs.ts";
import { Plot } from "../charts/Plot.tsx";
import { Choice, Switch } from "../controls/Choice.tsx";
import { passingRuns } from "../store/filter.ts";
import { curves as known } from "../store/store.ts";
import { scoreName } from "../text/quantities.ts";
import { Remark } from "../text/Text.tsx";
import type { XAxis } from "./geometry.ts";
import { curveTable, emptyText, summary } from "./texts.ts";
import { useCurves, type View } from "./useCurves.ts";
import { useForecasts } from "./useForecasts.ts";

const HELP =
  "Each line is a run. The band of a running run is the forecast of its final score: 80% of such runs end inside. " +
  "A square marks where early stopping judged a run; the line from it ends at the value that the run needed.";

const AXES: { value: XAxis; label: string }[] = [
  { value: "step", label: "step" },
  { value: "seconds", label: "time of training" },
];

/** The learning curves of all runs that pass the filter, with forecasts and verdicts. */
export function CurvesTab({ page }: TabProps) {
  const view = useSignal<View>({ axis: "step", logX: false, logY: false });
  const { forecasts, note } = useForecasts(page);
  const all = known.value;
  const { axis, logX, logY } = view.value;
  const drawn = useCurves(page, all, view.value, forecasts);
  const kind = logX ? "log10" : axis === "seconds" ? "seconds" : "linear";
  const label = AXES.find(({ value }) => value === axis)!.label;
  const change = (part: Partial<View>) => {
    view.value = { ...view.value, ...part };
  };
  return (
    <div class="panels">
      <Plot
        title="Learning curves"
        help={HELP}
        wide
        height={440}
        linked={false}
        x={{ label, kind, domain: drawn.x }}
        y={{ label: scoreName(page), kind: logY ? "log10" : "linear", domain: drawn.y }}
        layers={drawn.layers}
        onOpen={opener(page)}
        table={() => curveTable(all, forecasts)}
        empty={emptyText(all, drawn.drawn)}
        controls={<Controls view={view.value} onChange={change} />}
      >
        <p class="muted">{summary(passingRuns.value, drawn)}</p>
        {note && <Remark text={`No forecast: ${note}`} limit={500} />}
      </Plot>
    </div>
  );
}

function Controls({ view, onChange }: { view: View; onChange: (part: Partial<View>) => void }) {
  return (
    <>
      <Choice label="x:" value={view.axis} options={AXES} onChange={(axis) => onChange({ axis })} />
      <Switch label="log x" on={view.logX} onChange={(logX) => onChange({ logX })} />
      <Switch label="log y" on={view.logY} onChange={(logY) => onChange({ logY })} />
    </>
  );
}
