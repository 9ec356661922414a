// Decomposer
