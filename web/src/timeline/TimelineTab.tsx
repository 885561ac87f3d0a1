import { useMemo, useState } from "preact/hooks";
import type { RunRow, SweepPage } from "../api.ts";
import type { TabProps } from "../app/tabs.ts";
import { Legend } from "../charts/Legend.tsx";
import { Panel } from "../charts/Panel.tsx";
import { Switch } from "../controls/Choice.tsx";
import { passingRuns, selected } from "../store/filter.ts";
import { isReport } from "../store/store.ts";
import { useNow } from "../text/useNow.ts";
import { barTable } from "./barTable.ts";
import { Lanes } from "./Lanes.tsx";
import { barLayers } from "./layers.ts";
import { type Bar, barsOf, lanesByNode, lanesByRun, lastKnown, wholeRange } from "./layout.ts";
import "./timeline.css";
import { useRange } from "./useRange.ts";
import { WaitingPanel } from "./WaitingPanel.tsx";
import { Zoom } from "./Zoom.tsx";

const TICK_MS = 1000;
/** Nothing moves in a sweep that has ended or is interrupted. */
const NEVER_MS = 2 ** 30;

const HELP =
  "One row per run: queued (waits for a slot or a node), pulling (image and volumes), starting (the start is not recorded " +
  "yet), training, evaluating, and retrying (waits for the next attempt). Drag over the plot to zoom in.";

/** When each run waited and worked. */
export function TimelineTab({ page }: TabProps) {
  const still = page.row.ended || page.row.interrupted || isReport.value;
  const clock = useNow(still ? NEVER_MS : TICK_MS);
  const now = page.row.interrupted ? lastKnown(page.runs) : clock;
  const runs = passingRuns.value;
  const bars = useMemo(() => barsOf(runs, now), [runs, now]);
  return (
    <div class="panels">
      <WaitingPanel page={page} runs={runs} bars={bars} now={now} />
      <Timeline page={page} runs={runs} bars={bars} now={now} still={still} />
    </div>
  );
}

interface TimelineProps {
  page: SweepPage;
  runs: RunRow[];
  bars: Bar[];
  now: number;
  still: boolean;
}

function Timeline({ page, runs, bars, now, still }: TimelineProps) {
  const [byNode, setByNode] = useState(false);
  const lanes = useMemo(() => (byNode ? lanesByNode(bars) : lanesByRun(runs, bars)), [runs, bars, byNode]);
  const whole = wholeRange(bars, now);
  const { range, change, follow, setFollow } = useRange(whole);
  const none = selected.value ? "No run that passes the filter has started." : "No run has started yet.";
  return (
    <Panel
      title="Timeline"
      help={HELP}
      wide
      empty={bars.length === 0 && none}
      table={() => barTable(page.runs, bars)}
      controls={
        <>
          {bars.some((bar) => bar.node !== null) && <Switch label="by node" on={byNode} onChange={setByNode} />}
          <Zoom range={range} whole={whole} onChange={change} />
          {!still && <Switch label="follow now" on={follow} onChange={setFollow} />}
        </>
      }
    >
      <Legend layers={barLayers([], bars, page)} />
      <Lanes lanes={lanes} page={page} range={range} onZoom={change} />
    </Panel>
  );
}
