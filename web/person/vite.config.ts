import { defineConfig } from "vite";

export default defineConfig({
  // Relative addresses: the page works below any path. The page is at /follow, and its files are below it.
  base: "./",
  build: { target: "es2022", assetsDir: "follow/assets", assetsInlineLimit: 0, sourcemap: false, modulePreload: false },
});
