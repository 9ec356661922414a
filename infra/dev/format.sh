#!/usr/bin/env bash
# Formats all Swift in place.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec swift format --in-place --recursive --parallel Package.swift Services Shared Tests
