"""`python -m watcher` is the console script."""

from watcher.cli import main

main()
