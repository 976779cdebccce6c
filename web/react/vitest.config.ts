import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// The React whose release is tested: the workspace's, or that of the folder which REACT names.
const folder = process.env["REACT"];
const from = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const react = folder ? { react: from(`./${folder}/node_modules/react`), "react-dom": from(`./${folder}/node_modules/react-dom`) } : {};
const own = { "@verification-gateway/client": from("../client/src/index.ts"), "@verification-gateway/element": from("../element/src/index.ts") };

export default defineConfig({
  root: from("."),
  resolve: { alias: { ...own, ...react } },
  test: {
    environment: "jsdom",
    include: ["tests/*.test.tsx"],
    testTimeout: 60_000,
    // These packages import React, and must import the same one as the tests.
    server: { deps: { inline: ["@testing-library/react"] } },
  },
});
