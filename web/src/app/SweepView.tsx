import { FilterBar } from "../overview/FilterBar.tsx";
import { SweepHeader } from "../overview/SweepHeader.tsx";
import { loaded, page } from "../store/store.ts";
import { Loading, Notice, Unreadable } from "./Notice.tsx";
import type { Route } from "./routes.ts";
import { sweepHref } from "./routes.ts";
import { TABS } from "./tabs.ts";

/** Header, tabs and the open tab of one sweep. */
export function SweepView({ route }: { route: Route & { page: "sweep" } }) {
  const now = page.value;
  if (!now && !loaded.value) return <Loading />;
  if (!now) return <Missing />;
  const tab = TABS.find((t) => t.id === route.tab) ?? TABS[0]!;
  const Tab = tab.component;
  return (
    <>
      <SweepHeader page={now} />
      <nav class="tabs" aria-label="Views of the sweep">
        {TABS.map((t) => (
          <a
            key={t.id}
            href={sweepHref(route.namespace, route.name, t.id)}
            aria-current={t === tab ? "page" : undefined}
          >
            {t.label}
          </a>
        ))}
      </nav>
      {!tab.unfiltered && <FilterBar />}
      <Tab page={now} />
    </>
  );
}

function Missing() {
  return (
    <>
      <Notice title="This sweep does not exist">
        <p>
          It may have been deleted. <a href="#/">Show all sweeps</a>
        </p>
      </Notice>
      <Unreadable />
    </>
  );
}
