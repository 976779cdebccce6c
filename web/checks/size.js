// Fails if a package is larger than it may be: bundled, minified and compressed with gzip.

import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "vite";

// The entry of each package, the modules that are not counted, and the number of bytes allowed.
const PACKAGES = {
  client: { entry: "client/src/index.ts", external: ["graphql-ws"], maxBytes: 6_000 },
  element: { entry: "element/src/index.ts", external: [], maxBytes: 19_200 },
  person: { entry: "person/src/main.ts", external: [], maxBytes: 20_000 },
};

async function gzippedBytes({ entry, external }) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  // Bundled as an app and not as a library: Vite does not remove the spaces from libraries.
  const { output } = await build({
    root,
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rollupOptions: { input: entry, external, preserveEntrySignatures: "strict" },
    },
  });
  return gzipSync(output[0].code, { level: 9 }).length;
}

for (const [name, settings] of Object.entries(PACKAGES)) {
  const bytes = await gzippedBytes(settings);
  console.log(`web/${name}: ${bytes} bytes of at most ${settings.maxBytes}${settings.external.map((each) => `, without ${each}`).join("")}`);
  if (bytes > settings.maxBytes) process.exitCode = 1;
}
