// Waits many times on one signal, with a garbage collection meanwhile. Prints how many listeners the signal has afterwards.

import { getEventListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { stopping } from "../../../web/client/dist/abort.js";
import { print } from "./app.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc");
const { signal } = new AbortController();
const waits = Array.from({ length: 5 }, () => stopping(signal));
await setTimeout(10);
collectGarbage();
for (const wait of waits) wait.abort();
print({ listeners: getEventListeners(signal, "abort").length });
process.exit();
