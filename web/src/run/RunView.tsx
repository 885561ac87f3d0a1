import { RunActions } from "../actions/Actions.tsx";
import type { RunPage, RunRow, SweepPage } from "../api.ts";
import { type Route, runHref } from "../app/routes.ts";
import { Panel } from "../charts/Panel.tsx";
import { own } from "../store/own.ts";
import { loaded, page, report } from "../store/store.ts";
import { Fact } from "../text/Facts.tsx";
import { cost, duration, number, time } from "../text/format.ts";
import { scoreName } from "../text/quantities.ts";
import { RunState } from "../text/State.tsx";
import { Text } from "../text/Text.tsx";
import { currentTime } from "../text/useNow.ts";
import { AttemptsPanel, EventsPanel } from "./Attempts.tsx";
import { Commands } from "./Commands.tsx";
import { EmbeddedLog } from "./EmbeddedLog.tsx";
import { LogTail } from "./LogTail.tsx";
import { Outcome } from "./Outcome.tsx";
import { ParametersPanel } from "./ParametersPanel.tsx";
import { RunCurve } from "./RunCurve.tsx";
import "./run.css";
import { useDetails } from "./useDetails.ts";
import { WhyPoint } from "./WhyPoint.tsx";

/** The page of one run. */
export function RunView({ route }: { route: Route & { page: "run" } }) {
  const now = page.value;
  const row = now?.runs.find((run) => run.name === route.run);
  const { details, problem } = useDetails(route, row);
  if (!now || !row)
    return <p class="empty">{loaded.value ? "This run does not exist. It may have been deleted." : "Loading…"}</p>;
  return (
    <>
      <RunHeader now={now} row={row} />
      {problem && (
        <p class="problem" role="alert">
          The details of the run could not be loaded: <Text value={problem} limit={1000} />
        </p>
      )}
      {details ? (
        <Details now={now} details={{ ...details, row }} route={route} />
      ) : (
        !problem && <p class="empty">Loading…</p>
      )}
    </>
  );
}

function RunHeader({ now, row }: { now: SweepPage; row: RunRow }) {
  const rank = now.ranking.indexOf(row.name);
  return (
    <header class="run-head">
      <div class="title-row">
        <h1>
          Run <Text value={row.label} limit={100} />
        </h1>
        <RunState run={row} />
        {rank >= 0 && (
          <span class="muted">{rank === 0 ? "best run" : `rank ${rank + 1} of ${now.ranking.length}`}</span>
        )}
        {now.front.includes(row.name) && <span class="muted">Pareto-optimal</span>}
        <Neighbors now={now} row={row} />
      </div>
      <dl class="facts">
        {factsOf(now, row).map(([label, value]) => (
          <Fact key={label} label={label}>
            <Text value={value} limit={100} />
          </Fact>
        ))}
      </dl>
      <RunActions page={now} run={row} />
    </header>
  );
}

function Neighbors({ now, row }: { now: SweepPage; row: RunRow }) {
  const at = now.runs.indexOf(row);
  const link = (run: RunRow | undefined, text: string) =>
    run && <a href={runHref(now.row.namespace, now.row.name, run.name)}>{text}</a>;
  return (
    <nav class="neighbors" aria-label="Other runs">
      {link(now.runs[at - 1], "Previous run")} {link(now.runs[at + 1], "Next run")}
    </nav>
  );
}

function factsOf(now: SweepPage, row: RunRow): [label: string, value: string][] {
  const end = row.ended === null ? currentTime() : Date.parse(row.ended);
  const facts: [string, string][] = [
    [scoreName(now), number(row.score, 6)],
    ["cost", cost(row.cost, now.row.costUnit)],
    ...now.objectives.slice(1).map(({ metric }): [string, string] => [metric, number(own(row.metrics, metric))]),
    ["origin", row.origin],
    ["created", time(row.created)],
    [row.ended ? "took" : "age", duration(Math.max(0, end - Date.parse(row.created)) / 1000)],
  ];
  if (row.ended !== null || !row.progress) return facts;
  const { step, maxStep, etaSeconds } = row.progress;
  facts.push(["step", `${number(step)}${maxStep ? ` of ${number(maxStep)}` : ""}`]);
  if (etaSeconds !== null) facts.push(["time left", duration(etaSeconds)]);
  return facts;
}

function Details({ now, details, route }: { now: SweepPage; details: RunPage; route: Route & { page: "run" } }) {
  const { row } = details;
  return (
    <div class="panels two">
      <Outcome now={now} details={details} />
      <div class="stack-of-panels">
        <ParametersPanel now={now} details={details} />
        {row.hasCurve && <RunCurve now={now} row={row} />}
      </div>
      <div class="stack-of-panels">
        <Panel title="Why this point">
          <WhyPoint now={now} details={details} />
        </Panel>
        <AttemptsPanel now={now} details={details} />
      </div>
      <Panel title="Log" wide>
        {report.value ? (
          <EmbeddedLog report={report.value} now={now} details={details} />
        ) : (
          <LogTail
            namespace={route.namespace}
            sweep={route.name}
            run={route.run}
            logs={details.logs}
            over={row.ended !== null}
          />
        )}
      </Panel>
      <EventsPanel details={details} />
      <Commands details={details} />
    </div>
  );
}
