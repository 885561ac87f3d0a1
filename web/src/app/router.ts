/** Routes live in the URL's fragment. The token is taken out of it before anything else sees it. */
import { computed, signal } from "@preact/signals";
import { parseFragment, type Route, runHref } from "./routes.ts";

const first = parseFragment(location.hash);
export const initialToken = first.token;
const fragment = signal(first.fragment);
if (first.token !== null) history.replaceState(null, "", `${location.pathname}${location.search}${first.fragment}`);

addEventListener("hashchange", () => {
  fragment.value = parseFragment(location.hash).fragment;
  scrollTo(0, 0);
});

export const route = computed<Route>(() => parseFragment(fragment.value).route);

export function go(href: string): void {
  location.hash = href;
}

/** Opens the page of a run of the sweep. */
export function opener({ row }: { row: { namespace: string; name: string } }): (run: string) => void {
  return (run) => go(runHref(row.namespace, row.name, run));
}
