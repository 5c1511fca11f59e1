#!/usr/bin/env bash
# Translates the catalog's CQL to ELM with the public reference translator and builds the FHIR content from it.
# Needed only when a source under src/salus/catalog/sources changes; asks for node, npm and the two folders:
#   scripts/translate_catalog.sh [CQL_TO_ELM_DIR] [MODELINFO_DIR]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
tool=$(realpath "${1:-$root/../shared/tools/cql-to-elm}")
models=$(realpath "${2:-$root/../shared/data/modelinfo}")
work=${TRANSLATE_WORK:-$(mktemp -d)}
cd "$work"
[ -d node_modules/@cqframework/cql ] || npm install --silent --no-audit --no-fund @cqframework/cql@5.3.0
rm -rf elm
node "$tool/translate.mjs" "$root/src/salus/catalog/sources" "$models" elm
"$root/.venv/bin/python" "$root/scripts/build_catalog.py" elm
