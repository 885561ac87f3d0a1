import { useEffect, useState } from "preact/hooks";
import { RunActions } from "../actions/Actions.tsx";
import { Copyable } from "../actions/Copyable.tsx";
import type { RunPage, RunRow, SweepPage } from "../api.ts";
import { type Route, runHref } from "../app/routes.ts";
import { Panel } from "../charts/Panel.tsx";
import { RunState } from "../overview/State.tsx";
import { isReport, loaded, loadRun, page } from "../store/store.ts";
import { cost, duration, number, time } from "../text/format.ts";
import { Text } from "../text/Text.tsx";
import { AttemptsPanel, EventsPanel } from "./Attempts.tsx";
import { safeLink } from "./difference.ts";
import { LogTail } from "./LogTail.tsx";
import { Outcome } from "./Outcome.tsx";
import { ParametersPanel } from "./ParametersPanel.tsx";
import { RunCurve } from "./RunCurve.tsx";
import "./run.css";
import { currentTime } from "../text/useNow.ts";
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

/** Loaded again whenever the run changes. */
function useDetails(
  route: Route & { page: "run" },
  row: RunRow | undefined,
): { details: RunPage | null; problem: string } {
  const [details, setDetails] = useState<RunPage | null>(null);
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (!row) return;
    const abort = new AbortController();
    loadRun(route.namespace, route.name, route.run, abort.signal)
      .then((found) => {
        setDetails(found);
        setProblem("");
      })
      .catch((error: Error) => abort.signal.aborted || setProblem(error.message));
    return () => abort.abort();
  }, [route.namespace, route.name, route.run, row]);
  return { details, problem };
}

function RunHeader({ now, row }: { now: SweepPage; row: RunRow }) {
  const { namespace, name, costUnit, metric } = now.row;
  const at = now.runs.indexOf(row);
  const rank = now.ranking.indexOf(row.name);
  const neighbor = (run: RunRow | undefined, text: string) =>
    run && (
      <a href={runHref(namespace, name, run.name)} rel={text === "Next run" ? "next" : "prev"}>
        {text}
      </a>
    );
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
        <nav class="neighbors" aria-label="Other runs">
          {neighbor(now.runs[at - 1], "Previous run")} {neighbor(now.runs[at + 1], "Next run")}
        </nav>
      </div>
      <dl class="facts">
        <Fact label={metric || "score"} value={number(row.score, 6)} />
        <Fact label="cost" value={cost(row.cost, costUnit)} />
        {now.objectives.slice(1).map((o) => (
          <Fact key={o.metric} label={o.metric} value={number(row.metrics[o.metric])} />
        ))}
        <Fact label="origin" value={row.origin} />
        <Fact label="created" value={time(row.created)} />
        <Fact
          label={row.ended ? "took" : "age"}
          value={duration(((row.ended ? Date.parse(row.ended) : currentTime()) - Date.parse(row.created)) / 1000)}
        />
        {row.progress && !row.ended && (
          <Fact
            label="step"
            value={`${number(row.progress.step)}${row.progress.maxStep ? ` of ${number(row.progress.maxStep)}` : ""}`}
          />
        )}
        {row.progress?.etaSeconds != null && !row.ended && (
          <Fact label="time left" value={duration(row.progress.etaSeconds)} />
        )}
      </dl>
      <RunActions page={now} run={row} />
    </header>
  );
}

function Fact({ label, value }: { label: string; value: string }) {
  return (
    <div class="fact">
      <dt>
        <Text value={label} limit={60} />
      </dt>
      <dd>
        <Text value={value} limit={100} />
      </dd>
    </div>
  );
}

function Details({ now, details, route }: { now: SweepPage; details: RunPage; route: Route & { page: "run" } }) {
  const { row } = details;
  return (
    <div class="panels two">
      <Outcome now={now} details={details} />
      <ParametersPanel now={now} details={details} />
      <Panel title="Why this point">
        <WhyPoint now={now} details={details} />
      </Panel>
      {row.hasCurve && <RunCurve now={now} row={row} />}
      <AttemptsPanel details={details} />
      <Panel title="Log" wide>
        <LogTail
          namespace={route.namespace}
          sweep={route.name}
          run={route.run}
          logs={details.logs}
          over={row.ended !== null}
        />
      </Panel>
      <EventsPanel details={details} />
      <Commands details={details} />
    </div>
  );
}

function Commands({ details }: { details: RunPage }) {
  const tracker = details.trackerUrl;
  const link = safeLink(tracker);
  return (
    <Panel title="Take it elsewhere" wide>
      {details.command && (
        <>
          <h3>The training with these parameters, as a command</h3>
          <Copyable text={details.command} label="the command" />
        </>
      )}
      {details.overrides && (
        <>
          <h3>The parameters as overrides</h3>
          <Copyable text={details.overrides} label="the overrides" />
        </>
      )}
      {tracker && (
        <p>
          In the tracker:{" "}
          {link ? (
            <a href={link} rel="noopener noreferrer" target="_blank">
              <Text value={link} limit={200} />
            </a>
          ) : (
            <Text value={tracker} limit={200} />
          )}
        </p>
      )}
      {isReport.value && <p class="muted">This is a report: the run may have changed since.</p>}
    </Panel>
  );
}
