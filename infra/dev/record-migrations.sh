#!/usr/bin/env bash
# Records the SHA-256 of new migrations in Tests/ArchitectureTests/migrations.sha256, which a test compares with the files. Only
# appends: it refuses if a recorded migration was changed, removed or renamed, or if a new one is not the last.
set -euo pipefail
cd "$(dirname "$0")/../.."
record=$PWD/Tests/ArchitectureTests/migrations.sha256

hashes=$(cd Shared/PostgresStore/Migrations && LC_ALL=C sha256sum -- *.sql)
recorded=$(wc -l <"$record")
if ! head -n "$recorded" <<<"$hashes" | cmp -s - "$record"; then
    echo "record-migrations: a recorded migration is never edited, removed or preceded; add a new one at the end" >&2
    head -n "$recorded" <<<"$hashes" | diff "$record" - >&2 || true
    exit 1
fi
tail -n "+$((recorded + 1))" <<<"$hashes" | tee -a "$record"
