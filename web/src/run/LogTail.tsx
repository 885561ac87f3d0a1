/** The end of a run's log. It follows the program, and stops moving while the reader looks at earlier lines. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { RunPage } from "../api.ts";
import { Choice, named } from "../controls/Choice.tsx";
import { sweepPath } from "../store/client.ts";
import { plural, visible } from "../text/format.ts";
import type { Tail } from "./tail.ts";
import { END, useTail } from "./useTail.ts";

type Log = RunPage["logs"][number];
interface Props {
  namespace: string;
  sweep: string;
  run: string;
  logs: readonly Log[];
  /** The run is over: its log does not grow. */
  over: boolean;
}

const NEAR_THE_END = 40;
/** States of a log that has been read. */
const ENDED: ReadonlySet<string> = new Set(["following", END]);

export function LogTail({ namespace, sweep, run, logs, over }: Props) {
  const [chosen, choose] = useState<string | null>(null);
  const newest = logs[logs.length - 1];
  if (!newest) return <p class="muted">No log: no attempt of this run has started.</p>;
  const log = logs.find((l) => nameOf(l) === chosen) ?? newest;
  const path = sweepPath(namespace, sweep, `/runs/${encodeURIComponent(run)}/log?${queryOf(log)}`);
  return (
    <>
      {logs.length > 1 && (
        <Choice label="Log of" value={nameOf(log)} options={named(logs.map(nameOf))} onChange={choose} />
      )}
      <Followed key={nameOf(log)} path={path} over={over} />
    </>
  );
}

function nameOf(log: Log): string {
  return `${log.stage}, attempt ${log.attempt}${log.rank > 0 ? `, pod ${log.rank}` : ""}`;
}

function queryOf({ stage, attempt, rank }: Log): URLSearchParams {
  return new URLSearchParams({ stage, attempt: `${attempt}`, rank: `${rank}`, tail: "1000", follow: "1" });
}

function Followed({ path, over }: { path: string; over: boolean }) {
  const { tail, version, state } = useTail(path, over);
  return <Lines tail={tail} version={version} state={state} />;
}

interface LinesProps {
  tail: Tail;
  /** Changes with the lines of `tail`. */
  version: number;
  state: string;
}

export function Lines({ tail, version, state }: LinesProps) {
  const box = useRef<HTMLPreElement>(null);
  const [follow, setFollow] = useState(true);
  useLayoutEffect(() => {
    if (follow && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [version, follow]);
  const moved = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current!;
    setFollow(scrollHeight - scrollTop - clientHeight < NEAR_THE_END);
  };
  return (
    <div class="log">
      <pre ref={box} tabIndex={0} role="log" aria-live="off" aria-label="Log" onScroll={moved}>
        {tail.lines.map((line) => visible(line)).join("\n") || (ENDED.has(state) ? "The log is empty." : "")}
      </pre>
      <div class="log-state">
        <span role="status">{follow ? state : "paused while you read earlier lines"}</span>
        {tail.dropped > 0 && <span>{plural(tail.dropped, "earlier line")} not shown</span>}
        {!follow && (
          <button type="button" onClick={() => setFollow(true)}>
            Follow
          </button>
        )}
      </div>
    </div>
  );
}
