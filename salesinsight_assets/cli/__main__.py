"""`python -m salesinsight_assets.cli`: the command line, for processes that start one another by their interpreter."""

from salesinsight_assets.cli import main

if __name__ == "__main__":
    main()
