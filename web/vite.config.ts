import { defineConfig } from "vite";

/** One document, one script, one style, without hashes in their names: the report embeds them, the server lists them. */
export default defineConfig({
  base: "./",
  build: {
    outDir: process.env.PAGE_OUT ?? "../operator/sweep_operator/ui/bundle",
    emptyOutDir: true,
    target: "es2022",
    cssTarget: "chrome123",
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      output: {
        entryFileNames: "app.js",
        assetFileNames: "app[extname]",
        codeSplitting: false,
      },
    },
  },
  server: { proxy: { "/api": process.env.PAGE_SERVER ?? "http://127.0.0.1:8265" } },
});
