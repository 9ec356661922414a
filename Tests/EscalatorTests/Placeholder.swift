// Escalator
