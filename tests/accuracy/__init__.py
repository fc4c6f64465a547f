"""How well the twin foretells two live systems: `python -m tests.accuracy FOLDER`, or `make accuracy`.

`design` draws what is to be tried, `systems` runs it for real, `grade` compares, `report` writes it down, and
`public` does the same to a recording that nobody here made.
"""
