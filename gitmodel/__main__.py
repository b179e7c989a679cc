"""`python -m gitmodel` is the command `gitmodel`."""

from gitmodel.cli.main import main

if __name__ == "__main__":
    main()
