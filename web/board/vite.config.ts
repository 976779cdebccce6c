import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses: the board works below any path.
  base: "./",
  esbuild: { jsx: "automatic" },
  build: { target: "es2022", assetsDir: "assets", assetsInlineLimit: 0, sourcemap: false, modulePreload: { polyfill: false } },
});
