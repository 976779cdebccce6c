import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// The React whose release is tested: the workspace's, or that of the folder which REACT names.
const folder = process.env["REACT"];
const from = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const packages = folder ? ["react", "react-dom", "@testing-library/react"] : [];
const react = Object.fromEntries(packages.map((name) => [name, from(`./${folder}/node_modules/${name}`)]));
const own = { "@verification-gateway/client": from("../client/src/index.ts"), "@verification-gateway/element": from("../element/src/index.ts") };

export default defineConfig({
  root: from("."),
  resolve: { alias: { ...own, ...react } },
  test: {
    environment: "jsdom",
    // The page is one of the gateway, which would refuse WebSockets of another origin.
    environmentOptions: { jsdom: { url: process.env["GATEWAY_URL"] } },
    include: ["tests/*.test.tsx"],
    testTimeout: 60_000,
  },
});
