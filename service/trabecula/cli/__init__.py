"""The command line: one file per command; parses, calls a use case, prints, sets the exit code.

Nothing else in the program prints. A failure becomes one shape for people and one for programs (``output``,
``edge``), never a traceback. Commands hold no rule of the product.
"""
