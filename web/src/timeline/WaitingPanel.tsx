/** What waiting has cost, and who waits now. */
import type { RunRow, SweepPage } from "../api.ts";
import { Panel } from "../charts/Panel.tsx";
import { duration, percent, plural } from "../text/format.ts";
import { RunLink } from "../text/RunLink.tsx";
import { Text } from "../text/Text.tsx";
import { type Bar, PHASES, WAITS, waitersOf, waitingOf } from "./layout.ts";

const SHOWN = 8;

interface Props {
  page: SweepPage;
  runs: readonly RunRow[];
  bars: readonly Bar[];
  now: number;
}

export function WaitingPanel({ page, runs, bars, now }: Props) {
  const { seconds, waited, share } = waitingOf(bars);
  const waiters = waitersOf(runs);
  return (
    <Panel
      title="The cost of waiting"
      wide
      empty={bars.length === 0 && "No run has started yet."}
      table={() => ({ columns: ["phase", "seconds"], rows: PHASES.map((phase) => [phase, seconds[phase]]) })}
    >
      <p>
        Runs waited <strong>{duration(waited)}</strong> in total, <strong>{percent(share)}</strong> of their time:{" "}
        {WAITS.map((phase) => `${phase} ${duration(seconds[phase])}`).join(", ")}. They trained for{" "}
        {duration(seconds.training)}
        {seconds.evaluating > 0 && ` and were evaluated for ${duration(seconds.evaluating)}`}.
      </p>
      {waiters.length > 0 && (
        <>
          <p>{plural(waiters.length, "run")} waiting now:</p>
          <ul class="waiters">
            {waiters.slice(0, SHOWN).map(({ run, phase, since }) => (
              <li key={run.name}>
                <RunLink page={page} name={run.name} before="run " />: <Text value={run.state} limit={80} /> ({phase}{" "}
                for {duration(Math.max(0, now - since) / 1000)})
              </li>
            ))}
          </ul>
          {waiters.length > SHOWN && <p class="muted">and {plural(waiters.length - SHOWN, "other run")}.</p>}
        </>
      )}
    </Panel>
  );
}
