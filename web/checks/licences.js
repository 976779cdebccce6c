// Fails if a locked package has a licence that is not allowed.

import { readFileSync } from "node:fs";

const ALLOWED = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC0-1.0", "ISC", "MIT", "MIT-0", "OFL-1.1"];

// For packages that only the tests use, and that no package contains.
const ALLOWED_IN_TESTS = [...ALLOWED, "MPL-2.0"];

const { packages } = JSON.parse(readFileSync(new URL("../package-lock.json", import.meta.url), "utf8"));
const installed = Object.entries(packages).filter(([name, { link }]) => name.startsWith("node_modules/") && !link);
const refused = installed.filter(([, { license, dev }]) => !(dev ? ALLOWED_IN_TESTS : ALLOWED).includes(license));
for (const [name, { license }] of refused) console.error(`${name} has the licence ${license}`);
if (refused.length || !installed.length) process.exit(1);
console.log(`web: ${installed.length} packages with allowed licences`);
