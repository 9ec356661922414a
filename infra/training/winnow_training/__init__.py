"""Builds every artifact of `infra/models` from the data: trains, cuts, distils, quantizes, calibrates, measures."""
