// Nothing to call: its symbols take the place of the C library's.
