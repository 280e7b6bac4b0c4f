import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = "http://127.0.0.1:8787";

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: "../src/handrail/server/console",
    emptyOutDir: true,
    // The content security policy allows files from this origin only: nothing inlined, no polyfill script.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
    sourcemap: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // changes with its pins only, so browsers keep it over our own releases
            { name: "vendor", test: /node_modules\/(react|react-dom|scheduler|@tanstack)\// },
            // what nearly every part uses: one file rather than a handful of crumbs
            { name: "shared", test: /src\/(api|keys\/(bindings|keymap)|marks|route|ui|words)\b/ },
          ],
        },
      },
    },
  },
  server: { proxy: { "/v1": server, "/audit": server, "/healthz": server } },
});
