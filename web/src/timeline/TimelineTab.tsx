import { useMemo, useRef, useState } from "preact/hooks";
import { go } from "../app/router.ts";
import { runHref } from "../app/routes.ts";
import type { TabProps } from "../app/tabs.ts";
import { Legend } from "../charts/Legend.tsx";
import { Panel, type TableData } from "../charts/Panel.tsx";
import { PlotArea } from "../charts/Plot.tsx";
import { selected } from "../store/filter.ts";
import { isReport } from "../store/store.ts";
import { duration } from "../text/format.ts";
import { useNow } from "../text/useNow.ts";
import { barLayers } from "./layers.ts";
import {
  type Bar,
  barsOf,
  type Lane,
  lanesByNode,
  lanesByRun,
  lastKnown,
  panned,
  type Range,
  wholeRange,
  zoomed,
} from "./layout.ts";
import "./timeline.css";
import { WaitingPanel } from "./WaitingPanel.tsx";

const ROW = 20;
const MARGINS = 58;
const MAX_ROWS = 24;
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
  const passing = selected.value;
  const runs = useMemo(() => page.runs.filter((run) => !passing || passing.has(run.name)), [page.runs, passing]);
  const bars = useMemo(() => barsOf(runs, now), [runs, now]);
  const [byNode, setByNode] = useState(false);
  const lanes = useMemo(() => (byNode ? lanesByNode(bars) : lanesByRun(runs, bars)), [runs, bars, byNode]);
  const whole = wholeRange(bars, now);
  const [zoom, setZoom] = useState<Range | null>(null);
  const [follow, setFollow] = useState(false);
  const range = rangeOf(whole, zoom, follow);
  const change = (next: Range) => {
    setFollow(false);
    setZoom(next[0] <= whole[0] && next[1] >= whole[1] ? null : next);
  };
  const hasNodes = bars.some((bar) => bar.node !== null);
  const empty =
    bars.length === 0 && (passing ? "No run that passes the filter has started." : "No run has started yet.");
  return (
    <div class="panels">
      <WaitingPanel page={page} runs={runs} bars={bars} now={now} />
      <Panel
        title="Timeline"
        help={HELP}
        wide
        empty={empty}
        table={() => barTable(page.runs, bars)}
        controls={
          <>
            {hasNodes && (
              <label>
                <input type="checkbox" checked={byNode} onChange={(e) => setByNode(e.currentTarget.checked)} /> by node
              </label>
            )}
            <Zoom range={range} whole={whole} onChange={change} />
            {!still && (
              <label>
                <input type="checkbox" checked={follow} onChange={(e) => setFollow(e.currentTarget.checked)} /> follow
                now
              </label>
            )}
          </>
        }
      >
        <Legend layers={barLayers([], bars, page)} />
        <Lanes lanes={lanes} page={page} range={range} onZoom={change} />
      </Panel>
    </div>
  );
}

/** While following, the zoomed range keeps its length and ends now. */
function rangeOf(whole: Range, zoom: Range | null, follow: boolean): Range {
  if (!zoom) return whole;
  return follow ? panned(zoom, whole[1] - zoom[1], whole) : zoom;
}

function Zoom({ range, whole, onChange }: { range: Range; whole: Range; onChange: (range: Range) => void }) {
  const length = range[1] - range[0];
  const around = (factor: number) => () => onChange(zoomed(range, factor, (range[0] + range[1]) / 2, whole));
  const button = (label: string, text: string, onClick: () => void, disabled = false) => (
    <button type="button" class="quiet" aria-label={label} disabled={disabled} onClick={onClick}>
      {text}
    </button>
  );
  const all = range[0] <= whole[0] && range[1] >= whole[1];
  return (
    <fieldset class="buttons" aria-label="Range of the timeline">
      {button("Earlier", "‹", () => onChange(panned(range, -length / 2, whole)), range[0] <= whole[0])}
      {button("Later", "›", () => onChange(panned(range, length / 2, whole)), range[1] >= whole[1])}
      {button("Zoom in", "+", around(0.5))}
      {button("Zoom out", "−", around(2), all)}
      {button("All of the time", "All", () => onChange(whole), all)}
    </fieldset>
  );
}

interface LanesProps extends TabProps {
  lanes: Lane[];
  range: Range;
  onZoom: (range: Range) => void;
}

/** Draws the lanes that can be seen. The scrolling area is as high as all of them. */
function Lanes({ lanes, page, range, onZoom }: LanesProps) {
  const area = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const rows = Math.min(lanes.length, MAX_ROWS);
  const first = Math.max(0, Math.min(Math.floor(top / ROW), lanes.length - rows));
  const { namespace, name } = page.row;
  const shown = useMemo(() => lanes.slice(first, first + rows), [lanes, first, rows]);
  const layers = useMemo(() => barLayers(shown, [], page), [shown, page.runs]);
  const names = useMemo(() => shown.map((lane) => lane.label), [shown]);
  return (
    <div
      ref={area}
      class="timeline-area"
      style={{ maxHeight: `${MAX_ROWS * ROW + MARGINS + 2}px` }}
      role="group"
      aria-label={`Lanes ${first + 1} to ${first + rows} of ${lanes.length}`}
      onScroll={() => setTop(area.current!.scrollTop)}
    >
      <div style={{ height: `${lanes.length * ROW + MARGINS}px` }}>
        <div class="timeline-window">
          <PlotArea
            title="Timeline"
            x={{ label: "time", kind: "time", domain: [range[0], range[1]] }}
            y={{ label: "", kind: "category", domain: [rows - 0.5, -0.5], values: names }}
            layers={layers}
            height={rows * ROW + MARGINS}
            linked={false}
            onOpen={(run) => go(runHref(namespace, name, run))}
            onBrush={(box) => onZoom([box.x[0], box.x[1]])}
          />
        </div>
      </div>
    </div>
  );
}

function barTable(runs: { name: string; label: string }[], bars: readonly Bar[]): TableData {
  const labels = new Map(runs.map((run) => [run.name, run.label]));
  return {
    columns: ["run", "phase", "stage", "attempt", "start", "duration", "node"],
    rows: bars.map((bar) => [
      labels.get(bar.run) ?? bar.run,
      bar.open ? `${bar.phase} (now)` : bar.phase,
      bar.stage,
      bar.attempt,
      new Date(bar.start).toLocaleString("en-US", { hourCycle: "h23" }),
      duration((bar.end - bar.start) / 1000),
      bar.node,
    ]),
  };
}
