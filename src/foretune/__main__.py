"""`python -m foretune` is the command line."""

from foretune.faces.cli import main

if __name__ == "__main__":
    main()
