"""`python -m watcher` is the console script."""

from watcher.cli import main

if __name__ == "__main__":  # worker processes import this module, too
    main()
