import { render } from "preact";
import { App } from "./app/App.tsx";
import { start } from "./store/store.ts";
import "./style/base.css";
import "./style/charts.css";
import "./style/pages.css";

start();
render(<App />, document.getElementById("app")!);
