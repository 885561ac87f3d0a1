/** Forecasts of the runs in progress, asked again while they are looked at: every report changes them. */
import { useEffect, useRef } from "preact/hooks";
import type { Forecasts as Answer, SweepPage } from "../api.ts";
import { useExplanation } from "../model/explanation.ts";
import { isReport } from "../store/store.ts";
import type { Forecasts } from "./geometry.ts";

const EVERY_MS = 15_000;
const NONE: Forecasts = {};

export function useForecasts(page: SweepPage): { forecasts: Forecasts; note: string } {
  const wanted = page.runs.some((run) => run.ended === null && run.hasCurve);
  const live = wanted && !isReport.value;
  const answer = useExplanation<Answer>(wanted ? { what: "forecast" } : null);
  const newest = useRef(answer);
  newest.current = answer;
  useEffect(() => {
    if (!live) return;
    const timer = setInterval(() => newest.current.state !== "waiting" && newest.current.again(), EVERY_MS);
    return () => clearInterval(timer);
  }, [live]);
  if (!wanted) return { forecasts: NONE, note: "" };
  return { forecasts: answer.value?.items ?? NONE, note: answer.reason || (answer.value?.note ?? "") };
}
