import { useMemo, useRef, useState } from "preact/hooks";
import type { SweepPage } from "../api.ts";
import { opener } from "../app/router.ts";
import { PlotArea } from "../charts/Plot.tsx";
import { barLayers } from "./layers.ts";
import type { Lane, Range } from "./layout.ts";

const ROW = 20;
const MARGINS = 58;
const MAX_ROWS = 24;

interface LanesProps {
  page: SweepPage;
  lanes: Lane[];
  range: Range;
  onZoom: (range: Range) => void;
}

/** Draws the lanes that can be seen. The scrolling area is as high as all of them. */
export function Lanes({ lanes, page, range, onZoom }: LanesProps) {
  const area = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const rows = Math.min(lanes.length, MAX_ROWS);
  const first = Math.max(0, Math.min(Math.floor(top / ROW), lanes.length - rows));
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
            onOpen={opener(page)}
            onBrush={(box) => onZoom([box.x[0], box.x[1]])}
          />
        </div>
      </div>
    </div>
  );
}
