// Bundles GraphiQL and its workers into files that the gateway serves. Usage: node build.js <directory>

import { build } from "esbuild";

const outdir = process.argv[2];
const shared = { bundle: true, minify: true, outdir, legalComments: "none", logLevel: "warning" };
const loader = { ".ttf": "file", ".woff2": "file" };

await build({ ...shared, entryPoints: { graphiql: "graphiql.js" }, format: "esm", loader, assetNames: "[name]-[hash]", jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' } });
await build({ ...shared, format: "iife", entryPoints: {
  "editor.worker": "monaco-editor/esm/vs/editor/editor.worker.js",
  "json.worker": "monaco-editor/esm/vs/language/json/json.worker.js",
  "graphql.worker": "monaco-graphql/esm/graphql.worker.js",
} });
