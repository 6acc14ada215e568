"""`python cli.py …` from a checkout: the same as the installed `regulars`."""

from regulars.cli import main

if __name__ == "__main__":
    main()
