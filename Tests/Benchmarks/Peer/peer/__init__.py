"""The machine channel of Winnow as a Python team would build it. See README.md one folder up."""
