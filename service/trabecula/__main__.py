"""``python -m trabecula`` is the command ``trabecula``."""

from trabecula.cli.main import main

main()
