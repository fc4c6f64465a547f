"""The twin told plainly: slow, readable, and without a line in common with the compiled one."""
