"""`python -m chaoscloud.console` is `chaosiq-console`."""

from chaoscloud.console.cli import main

if __name__ == "__main__":
    main(prog_name="chaosiq-console")
